package io.petrel.host.codec;

/** What stands before the tuples of a batch: version and their number. */
public final class BatchHeader {
    /** Bytes that it may take. */
    public static final int MAX_BYTES = 6;

    private BatchHeader() {}

    /**
     * Writes the header for so many tuples so that it ends at {@code at}, where the first tuple begins; returns where the
     * batch begins. Needs {@link #MAX_BYTES} bytes before {@code at}.
     */
    public static int writeBefore(byte[] bytes, int at, int count) {
        WireBuffer header = new WireBuffer(MAX_BYTES);
        header.u8(Tags.BATCH_VERSION);
        header.varint(count);
        System.arraycopy(header.array(), 0, bytes, at - header.size(), header.size());
        return at - header.size();
    }
}
