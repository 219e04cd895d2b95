package io.petrel.host.codec;

import java.util.List;

/**
 * Builds a batch of tuples for one destination task: {@link #begin}, any number of {@link #anchor}, then {@link #values}.
 * Keeps its buffer. One owner.
 */
public final class BatchWriter {
    // Version and a count of fixed width, so that the tuples never have to move.
    public static final int MAX_HEADER = 6;

    private static final int FIRST_BYTES = 4096;
    /** A buffer that one huge tuple has made larger than this is given back. */
    private static final int MAX_KEPT_BYTES = 1 << 20;

    private final TupleWriter writer;
    private byte[] bytes = new byte[FIRST_BYTES];
    private int size = MAX_HEADER;
    private int count;

    public BatchWriter(OpaqueCodec opaque) {
        this(opaque, TupleWriter.DEFAULT_TUPLE_BYTES);
    }

    /** @param maxTupleBytes larger tuples are refused */
    public BatchWriter(OpaqueCodec opaque, long maxTupleBytes) {
        writer = new TupleWriter(opaque, maxTupleBytes);
    }

    /** Starts a tuple of a task (-1: __system) on the stream with this index. */
    public void begin(int sourceTask, int stream) {
        writer.begin(sourceTask, stream);
    }

    public void anchor(long root, long edge) {
        writer.anchor(root, edge);
    }

    /**
     * Ends the tuple.
     *
     * @throws RuntimeException of the opaque codec, or when the tuple is too large; the batch is then as it was before
     *     {@link #begin}
     */
    public void values(List<?> values) {
        bytes = writer.write(values, bytes, size);
        size = writer.end();
        count++;
    }

    /**
     * Writes a batch's header for so many tuples so that it ends at {@code at}, where the first tuple begins; returns where
     * the batch begins. Needs {@link #MAX_HEADER} bytes before {@code at}.
     */
    public static int headerBefore(byte[] bytes, int at, int count) {
        WireBuffer header = new WireBuffer(MAX_HEADER);
        header.u8(Tags.BATCH_VERSION);
        header.varint(count);
        System.arraycopy(header.array(), 0, bytes, at - header.size(), header.size());
        return at - header.size();
    }

    public int count() {
        return count;
    }

    /** Bytes so far, for the decision that a batch is full. */
    public int size() {
        return size;
    }

    /** The finished batch; the writer is empty afterwards. */
    public byte[] take() {
        byte[] batch = java.util.Arrays.copyOfRange(bytes, headerBefore(bytes, MAX_HEADER, count), size);
        clear();
        return batch;
    }

    public void clear() {
        if (bytes.length > MAX_KEPT_BYTES) {
            bytes = new byte[FIRST_BYTES];
        }
        size = MAX_HEADER;
        count = 0;
    }
}
