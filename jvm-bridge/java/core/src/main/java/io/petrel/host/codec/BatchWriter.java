package io.petrel.host.codec;

import java.util.List;

/**
 * Builds a batch of tuples for one destination task: {@link #begin}, any number of {@link #anchor}, then {@link #values}.
 * Keeps its buffer. One owner.
 */
public final class BatchWriter {
    // Version and a count of fixed width, so that the tuples never have to move.
    private static final int MAX_HEADER = 6;

    private final WireBuffer out = new WireBuffer(4096);
    private final TaggedCodec codec;
    private long[] anchors = new long[8];
    private int anchorCount;
    private int tupleStart;
    private int count;
    private int sourceTask;
    private int stream;

    public BatchWriter(OpaqueCodec opaque) {
        codec = new TaggedCodec(opaque);
        clear();
    }

    /** Starts a tuple of a task (-1: __system) on the stream with this index. */
    public void begin(int sourceTask, int stream) {
        if (sourceTask < -1 || sourceTask == 0 || stream < 0) {
            throw new IllegalArgumentException("source task " + sourceTask + ", stream " + stream + " is not a source");
        }
        this.sourceTask = sourceTask;
        this.stream = stream;
        anchorCount = 0;
    }

    public void anchor(long root, long edge) {
        if (2 * anchorCount == anchors.length) {
            anchors = java.util.Arrays.copyOf(anchors, 2 * anchors.length);
        }
        anchors[2 * anchorCount] = root;
        anchors[2 * anchorCount + 1] = edge;
        anchorCount++;
    }

    /**
     * Ends the tuple.
     *
     * @throws RuntimeException of the opaque codec; the batch is then as it was before {@link #begin}
     */
    public void values(List<?> values) {
        tupleStart = out.size();
        boolean done = false;
        try {
            writeTuple(values);
            done = true;
        } finally {
            if (!done) {
                out.truncate(tupleStart);
            }
        }
        count++;
    }

    private void writeTuple(List<?> values) {
        out.i32(0);
        out.varint(sourceTask == -1 ? 0 : sourceTask);
        out.varint(stream);
        out.varint(anchorCount);
        for (int i = 0; i < 2 * anchorCount; i++) {
            out.i64(anchors[i]);
        }
        int size = values.size();
        out.varint(size);
        for (int i = 0; i < size; i++) {
            codec.write(out, values.get(i));
        }
        int length = out.size() - tupleStart - 4;
        if (length > Tags.MAX_BATCH_BYTES) {
            throw new IllegalArgumentException(
                    "a tuple of " + length + " bytes is above the limit of " + Tags.MAX_BATCH_BYTES);
        }
        out.i32At(tupleStart, length);
    }

    public int count() {
        return count;
    }

    /** Bytes so far, for the decision that a batch is full. */
    public int size() {
        return out.size();
    }

    /** The finished batch; the writer is empty afterwards. */
    public byte[] take() {
        WireBuffer header = new WireBuffer(MAX_HEADER);
        header.u8(Tags.BATCH_VERSION);
        header.varint(count);
        int tuples = out.size() - MAX_HEADER;
        byte[] batch = new byte[header.size() + tuples];
        System.arraycopy(header.array(), 0, batch, 0, header.size());
        System.arraycopy(out.array(), MAX_HEADER, batch, header.size(), tuples);
        clear();
        return batch;
    }

    public void clear() {
        out.truncate(0);
        for (int i = 0; i < MAX_HEADER; i++) {
            out.u8(0);
        }
        count = 0;
    }
}
