package io.petrel.host;

/**
 * A section that came from another host: its tuples are decoded one by one ({@link TupleDecoder}). Its bytes were granted as
 * credit, so it is never refused, and the writers of this host do not pay for it.
 */
class InboundBatch extends TupleBatch {
    /** Where the lane is in the second number of a flow. */
    private static final int LANE_SHIFT = 32;
    /** Whose credit it used: what {@link TaskLinks#consumed} wants back, as it came. */
    private final long flowLow;

    private final long flowHigh;
    private final int sourceTask;
    private final int destinationTask;
    private final boolean isMarker;
    private final int encodedBytes;
    private byte[] encoded;
    /** Null where the array is not used again. */
    private SectionArrays home;

    /**
     * @param encoded holds the section from its beginning, and may be longer
     * @param home where it goes when it has been read
     */
    InboundBatch(long flowLow, long flowHigh, int sourceTask, int destinationTask, boolean isMarker, int count,
            byte[] encoded, int encodedBytes, SectionArrays home) {
        this(flowLow, flowHigh, sourceTask, destinationTask, isMarker, count, encodedBytes);
        this.encoded = encoded;
        this.home = home;
    }

    /** For one that has its bytes elsewhere. */
    InboundBatch(long flowLow, long flowHigh, int sourceTask, int destinationTask, boolean isMarker, int count,
            int encodedBytes) {
        super(isMarker ? 0 : count, 0L);
        inner = (flowHigh >>> LANE_SHIFT & 1) != 0;
        this.flowLow = flowLow;
        this.flowHigh = flowHigh;
        this.sourceTask = sourceTask;
        this.destinationTask = destinationTask;
        this.isMarker = isMarker;
        this.encodedBytes = encodedBytes;
    }

    long flowLow() {
        return flowLow;
    }

    long flowHigh() {
        return flowHigh;
    }

    int sourceTask() {
        return sourceTask;
    }

    int destinationTask() {
        return destinationTask;
    }

    boolean isMarker() {
        return isMarker;
    }

    int encodedBytes() {
        return encodedBytes;
    }

    /** What takeEncoded() gave has been read to its end. */
    final void giveBack(byte[] taken) {
        if (home != null) {
            home.keep(taken);
        }
    }

    /** The array that begins with the section, once. */
    byte[] takeEncoded() {
        byte[] taken = encoded;
        encoded = null;
        return taken;
    }
}
