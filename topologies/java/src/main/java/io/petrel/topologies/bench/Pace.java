package io.petrel.topologies.bench;

/** When the tuples of a source with a fixed rate are due. Nanoseconds of System.nanoTime, which all processes of a machine share. */
public final class Pace {
    private final double interval;
    private final long start = System.nanoTime();
    private long sent;

    /** rate: tuples per second of this source. */
    public Pace(double rate) {
        interval = 1e9 / rate;
    }

    /** When the next tuple is due. */
    public long due() {
        return start + (long) (sent * interval);
    }

    public void sent() {
        sent++;
    }
}
