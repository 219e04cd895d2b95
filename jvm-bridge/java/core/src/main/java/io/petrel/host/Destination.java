package io.petrel.host;

/** Where an outbox hands its batches: the queue of an executor of this host, or a task of another host. */
interface Destination {
    /** Destinations of one group share their credit and keep their order among each other: an executor. */
    int group();

    boolean isRemote();

    /**
     * False when there is no credit; then {@link #await} and try again. Thread: the outbox's writer or, between the claim of
     * a batch and its release, the timer.
     */
    boolean handOver(OpenBatch batch);

    /** Wakes the writer once when there is credit again. Thread: the writer, after {@link Waker#prepare}. */
    void await(Waker writer);

    /** Wakes the reader for batches with {@link OpenBatch#more}. Thread: any. */
    default void wake() {}

    /** A marker as this destination takes it. */
    OpenBatch markerBatch(Marker marker);

    /** Of an edge inside a cycle, of this host; null for others. */
    default CycleRoom room() {
        return null;
    }

    /** The task that is named as the cause when there is no credit. */
    int task();
}
