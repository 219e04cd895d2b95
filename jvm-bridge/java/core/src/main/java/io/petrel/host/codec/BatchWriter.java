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

    /** Of a tuple, when the topology says nothing else. */
    public static final long DEFAULT_TUPLE_BYTES = 64 << 20;

    private final TaggedCodec codec;
    private final long maxTupleBytes;
    private WireBuffer out;
    private long[] anchors = new long[8];
    private int anchorCount;
    private int tupleStart;
    private int count;
    private int sourceTask;
    private int stream;
    private int field;

    public BatchWriter(OpaqueCodec opaque) {
        this(opaque, DEFAULT_TUPLE_BYTES);
    }

    /** @param maxTupleBytes larger tuples are refused */
    public BatchWriter(OpaqueCodec opaque, long maxTupleBytes) {
        codec = new TaggedCodec(opaque);
        this.maxTupleBytes = maxTupleBytes;
        out = emptyBuffer();
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
     * @throws RuntimeException of the opaque codec, or when the tuple is too large; the batch is then as it was before
     *     {@link #begin}
     */
    public void values(List<?> values) {
        tupleStart = out.size();
        boolean done = false;
        try {
            writeTuple(values);
            done = true;
        } catch (WireBuffer.TooLongException e) {
            throw tooLarge("at least " + (e.bytes - tupleStart));
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
            field = i;
            codec.write(out, values.get(i));
        }
        int length = out.size() - tupleStart - 4;
        if (length > maxTupleBytes) {
            throw tooLarge(Integer.toString(length));
        }
        out.i32At(tupleStart, length);
    }

    /** Its limit is what keeps a tuple that is much too large from taking the memory of its encoding first. */
    private WireBuffer emptyBuffer() {
        return new WireBuffer(FIRST_BYTES, maxTupleBytes + FIRST_BYTES);
    }

    private IllegalArgumentException tooLarge(String bytes) {
        return new IllegalArgumentException("a tuple of " + bytes + " bytes is above the limit of " + maxTupleBytes
                + " for tuples to other processes; send it in parts, or raise petrel.max.tuple.bytes in the topology's conf (to "
                + (1 << 30) + " at most)");
    }

    /** The field that the last {@link #values} was at: the one to name when it threw. */
    public int field() {
        return field;
    }

    /** Bytes of the tuples alone. */
    public int tupleBytes() {
        return out.size() - MAX_HEADER;
    }

    /** Copies the tuples without the batch's header. */
    public void copyTuples(byte[] to, int at) {
        System.arraycopy(out.array(), MAX_HEADER, to, at, tupleBytes());
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
        if (out.array().length > MAX_KEPT_BYTES) {
            out = emptyBuffer();
        }
        out.truncate(0);
        for (int i = 0; i < MAX_HEADER; i++) {
            out.u8(0);
        }
        count = 0;
    }
}
