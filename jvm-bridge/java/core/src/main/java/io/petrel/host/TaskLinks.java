package io.petrel.host;

/**
 * The way to the tasks of other hosts; see jvm-bridge/README.md. A plan with one host needs none of it. Thread: any.
 */
public interface TaskLinks {
    int TAKEN = 0;
    int NO_CREDIT = 1;
    int TOO_LARGE = 2;
    int UNKNOWN_TASK = 3;

    int TUPLES = 0;
    int MARKER = 1;
    /** Only on the way in: tuples whose bytes are to be had by {@link #takeSection}. */
    int LARGE = 2;

    /**
     * Hands over the section in {@code data[offset, offset + length)}; it is copied before this returns.
     *
     * @param sourceExecutor first task of the emitting executor
     * @param lane 0, or 1 for an edge inside a cycle
     * @param kind {@link #TUPLES} or {@link #MARKER}
     * @param count tuples in it
     * @param more the writer goes on and calls {@link #offered} soon: the section alone need not wake the links
     * @return {@link #TAKEN} ... {@link #UNKNOWN_TASK}; after {@link #NO_CREDIT} the host hears of new credit for the
     *     source executor
     */
    default int offer(int sourceExecutor, int sourceTask, int destinationTask, int lane, int kind, int count, byte[] data,
            int offset, int length, boolean more) {
        return UNKNOWN_TASK;
    }

    /** What was offered with {@code more} leaves now. */
    default void offered() {}

    /** An executor has taken a section of so many bytes out of its inbox: its credit returns to that flow. */
    default void consumed(long flowLow, long flowHigh, int bytes) {}

    /**
     * Fetches the bytes of a {@link #LARGE} section, once; then the links keep them no longer.
     *
     * @param into of the length of the section; null: nobody wants them
     */
    default void takeSection(long section, byte[] into) {
        throw new UnsupportedOperationException("no large sections come here");
    }

    /** How full the inboxes of tasks of other hosts are: 0 .. 65535 for each. */
    default void loads(int[] tasks, int[] fills) {}

    /** What this host asks all others to hold back; see {@link Pressure}. Absolute. */
    default void pressure(int bits) {}

    /** All executors of this host have the markers of this epoch: nothing more is coming. */
    default void drained(long epoch) {}
}
