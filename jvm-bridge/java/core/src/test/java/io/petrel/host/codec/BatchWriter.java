package io.petrel.host.codec;

import java.util.List;

/**
 * Builds a batch of tuples for one destination task in tests; executors write theirs in EncodedBatch. {@link #begin}, any
 * number of {@link #anchor}, then {@link #values}. Keeps its buffer. One owner.
 */
public final class BatchWriter {
    private static final int FIRST_BYTES = 4096;
    /** A buffer that one huge tuple has made larger than this is given back. */
    private static final int MAX_KEPT_BYTES = 1 << 20;

    private final TupleWriter writer;
    private byte[] bytes = new byte[FIRST_BYTES];
    private int size = BatchHeader.MAX_BYTES;
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

    public int count() {
        return count;
    }

    /** Bytes so far, for the decision that a batch is full. */
    public int size() {
        return size;
    }

    /** The finished batch; the writer is empty afterwards. */
    public byte[] take() {
        byte[] batch = java.util.Arrays.copyOfRange(bytes, BatchHeader.writeBefore(bytes, BatchHeader.MAX_BYTES, count), size);
        clear();
        return batch;
    }

    public void clear() {
        if (bytes.length > MAX_KEPT_BYTES) {
            bytes = new byte[FIRST_BYTES];
        }
        size = BatchHeader.MAX_BYTES;
        count = 0;
    }
}
