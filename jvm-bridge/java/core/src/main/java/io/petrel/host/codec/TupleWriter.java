package io.petrel.host.codec;

import java.util.Arrays;
import java.util.List;

/**
 * Writes one tuple after the other into bytes of its caller: {@link #begin}, any number of {@link #anchor}, then {@link
 * #write}. One owner.
 */
public final class TupleWriter {
    /** Of a tuple, when the topology says nothing else. */
    public static final long DEFAULT_TUPLE_BYTES = 64 << 20;

    private static final int MOST_OF_A_BYTE = 127;
    /** Above the limit: what is written before the length is known. */
    private static final int SPARE_BYTES = 4096;

    private final TaggedCodec codec;
    private final long maxTupleBytes;
    private final WireBuffer out = new WireBuffer(0);
    private long[] anchors = new long[8];
    private int anchorCount;
    private int sourceTask;
    private int stream;
    private int field;

    /** @param maxTupleBytes larger tuples are refused */
    public TupleWriter(OpaqueCodec opaque, long maxTupleBytes) {
        codec = new TaggedCodec(opaque);
        this.maxTupleBytes = maxTupleBytes;
    }

    /** Starts a tuple of a task (-1: __system) on the stream with this index. */
    public void begin(int itsSourceTask, int itsStream) {
        if (itsSourceTask < -1 || itsSourceTask == 0 || itsStream < 0) {
            throw new IllegalArgumentException("source task " + itsSourceTask + ", stream " + itsStream + " is not a source");
        }
        sourceTask = itsSourceTask == -1 ? 0 : itsSourceTask;
        stream = itsStream;
        anchorCount = 0;
    }

    public void anchor(long root, long edge) {
        if (2 * anchorCount == anchors.length) {
            anchors = Arrays.copyOf(anchors, 2 * anchors.length);
        }
        anchors[2 * anchorCount] = root;
        anchors[2 * anchorCount + 1] = edge;
        anchorCount++;
    }

    /**
     * Writes the tuple into {@code bytes} from {@code at} on, or into a larger copy of them.
     *
     * @return the array that holds it; {@link #end} tells where it ends
     * @throws RuntimeException of the opaque codec, or when the tuple is too large; what stands before {@code at} is then as
     *     it was
     */
    public byte[] write(List<?> values, byte[] bytes, int at) {
        out.use(bytes, at, maxTupleBytes + SPARE_BYTES);
        try {
            head(values.size());
            for (int i = 0, n = values.size(); i < n; i++) {
                field = i;
                codec.write(out, values.get(i));
            }
        } catch (WireBuffer.TooLongException e) {
            throw tooLarge("at least " + (e.bytes - at));
        }
        int length = out.size() - at - Integer.BYTES;
        if (length > maxTupleBytes) {
            throw tooLarge(Integer.toString(length));
        }
        out.i32At(at, length);
        return out.array();
    }

    /** Where the last tuple ends. */
    public int end() {
        return out.size();
    }

    /** The field that the last {@link #write} was at: the one to name when it threw. */
    public int field() {
        return field;
    }

    private void head(int size) {
        if ((sourceTask | stream | anchorCount) <= MOST_OF_A_BYTE) {
            // The length's room and three numbers of a byte each, in one store.
            out.i64((long) sourceTask << 32 | (long) stream << 40 | (long) anchorCount << 48);
            out.truncate(out.size() - 1);
        } else {
            out.i32(0);
            out.varint(sourceTask);
            out.varint(stream);
            out.varint(anchorCount);
        }
        for (int i = 0; i < 2 * anchorCount; i++) {
            out.i64(anchors[i]);
        }
        out.varint(size);
    }

    private IllegalArgumentException tooLarge(String bytes) {
        return new IllegalArgumentException("a tuple of " + bytes + " bytes is above the limit of " + maxTupleBytes
                + " for tuples to other processes; send it in parts, or raise petrel.max.tuple.bytes in the topology's conf (to "
                + (1 << 30) + " at most)");
    }
}
