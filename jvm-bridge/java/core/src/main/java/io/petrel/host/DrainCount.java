package io.petrel.host;

/** Tells the process when the last executor of this host has the markers of an epoch. Thread: any. */
final class DrainCount {
    private final int executors;
    private final TaskLinks links;
    private long epoch;
    private int came;

    DrainCount(int executors, TaskLinks links) {
        this.executors = executors;
        this.links = links;
    }

    /** An executor has them all; it says so once for each epoch. */
    void came(long ofEpoch) {
        synchronized (this) {
            if (ofEpoch < epoch) {
                return;
            }
            if (ofEpoch > epoch) {
                epoch = ofEpoch;
                came = 0;
            }
            if (++came != executors) {
                return;
            }
        }
        links.drained(ofEpoch);
    }
}
