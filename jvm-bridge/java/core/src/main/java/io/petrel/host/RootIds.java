package io.petrel.host;

/**
 * Root ids of a spout task, from the top: 18 bits task, 10 bits incarnation of the host, 36 bits sequence. The layout
 * is binding for the ledger. Thread: one.
 */
public final class RootIds {
    public static final int MAX_TASK = (1 << 18) - 1;

    /** Of a sequence, in the half that one kind of thread counts in. */
    static final int SEQUENCE_BITS = 35;

    private static final long SEQUENCE_MASK = (1L << 36) - 1;

    private final long prefix;
    private long sequence;

    /**
     * @param foreign true for emits from other threads than the executor's: they count in the upper half of the
     *         sequence
     */
    public RootIds(int task, int incarnation, boolean foreign) {
        if (task < 0 || task > MAX_TASK) {
            throw new IllegalArgumentException("spout task " + task + "; at most " + MAX_TASK + " fit into a root id");
        }
        prefix = ((long) task << 46) | ((incarnation & 1023L) << 36);
        sequence = foreign ? 1L << SEQUENCE_BITS : 0;
    }

    public long next() {
        long half = sequence & (1L << SEQUENCE_BITS);
        long next = half | ((sequence + 1) & (SEQUENCE_MASK >>> 1));
        sequence = next;
        return prefix | next;
    }

    public static int task(long root) {
        return (int) (root >>> 46);
    }
}
