package io.petrel.host.codec;

import java.util.ArrayList;
import java.util.List;

/**
 * Reads a batch: {@code reset}, then for each {@link #next} its parts. Nothing of a tuple but its anchors is copied before
 * {@link #values}. Every method may throw {@link MalformedBatchException}: the rest of the batch is then lost. One owner.
 */
public final class BatchReader {
    // Length, source task, stream, two counts.
    private static final int LEAST_TUPLE_BYTES = 8;
    private static final byte[] NOTHING = {};

    private final WireInput in = new WireInput();
    private final TaggedCodec codec;
    private long[] anchors = new long[8];
    private int anchorCount;
    private int sourceTask;
    private int stream;
    private int valueCount;
    private int field;
    private int left;
    private int outerEnd;
    private int nextTuple;
    private boolean inTuple;

    public BatchReader(OpaqueCodec opaque) {
        codec = new TaggedCodec(opaque);
    }

    /** Starts on the batch in {@code bytes[offset, offset + length)}; returns its number of tuples. */
    public int reset(byte[] bytes, int offset, int length) {
        if (length > Tags.MAX_BATCH_BYTES) {
            throw new MalformedBatchException(
                    "a tuple batch of " + length + " bytes is above the limit of " + Tags.MAX_BATCH_BYTES);
        }
        inTuple = false;
        left = 0;
        in.reset(bytes, offset, length);
        int version = in.u8();
        if (version != Tags.BATCH_VERSION) {
            throw new MalformedBatchException("tuple batch version " + version + " is not known; this build reads version "
                    + Tags.BATCH_VERSION);
        }
        left = in.count(LEAST_TUPLE_BYTES, "tuples");
        return left;
    }

    /** Moves to the next tuple; false at the end of the batch, whose bytes are then let go. */
    public boolean next() {
        if (inTuple) {
            in.restore(outerEnd);
            in.position(nextTuple);
            inTuple = false;
        }
        if (left == 0) {
            if (in.remaining() != 0) {
                throw new MalformedBatchException(in.remaining() + " bytes follow the last tuple");
            }
            in.reset(NOTHING, 0, 0);
            return false;
        }
        left--;
        int length = in.i32();
        if (length < 0 || length > in.remaining()) {
            throw new MalformedBatchException("a tuple of " + Integer.toUnsignedString(length) + " bytes at offset "
                    + in.offset() + " does not fit in the " + in.remaining() + " bytes that are left");
        }
        nextTuple = in.position() + length;
        outerEnd = in.narrow(length);
        inTuple = true;
        readHead();
        return true;
    }

    private void readHead() {
        int task = in.varint32();
        if (task < 0) {
            throw new MalformedBatchException(
                    "source task " + Integer.toUnsignedString(task) + " is above " + Integer.MAX_VALUE);
        }
        sourceTask = task == 0 ? -1 : task;
        stream = in.varint32();
        if (stream < 0) {
            throw new MalformedBatchException(
                    "stream " + Integer.toUnsignedString(stream) + " is above " + Integer.MAX_VALUE);
        }
        anchorCount = in.count(16, "anchors");
        if (2 * anchorCount > anchors.length) {
            anchors = new long[2 * anchorCount];
        }
        for (int i = 0; i < 2 * anchorCount; i++) {
            anchors[i] = in.i64();
        }
        valueCount = in.count(1, "values");
    }

    public int sourceTask() {
        return sourceTask;
    }

    public int stream() {
        return stream;
    }

    public int anchors() {
        return anchorCount;
    }

    public long root(int index) {
        return anchors[2 * index];
    }

    public long edge(int index) {
        return anchors[2 * index + 1];
    }

    /** The field that the last {@link #values} was at: the one to name when it threw. */
    public int field() {
        return field;
    }

    /** Decodes the values; once per tuple. */
    public List<Object> values() {
        ArrayList<Object> values = new ArrayList<>(Math.min(valueCount, 256));
        for (int i = 0; i < valueCount; i++) {
            field = i;
            values.add(codec.read(in));
        }
        if (in.remaining() != 0) {
            throw new MalformedBatchException(in.remaining() + " bytes follow the last value of a tuple");
        }
        return values;
    }
}
