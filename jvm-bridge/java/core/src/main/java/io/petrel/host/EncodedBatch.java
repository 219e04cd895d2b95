package io.petrel.host;

import io.petrel.host.codec.BatchHeader;
import io.petrel.host.codec.TupleWriter;
import java.util.Arrays;
import java.util.List;

/**
 * Tuples on their way to a task of another host: encoded by their writer, one after the other, so that any run of them can
 * leave as a section of its own.
 */
final class EncodedBatch extends OpenBatch {
    /** Room for the head of a section before any tuple. */
    private static final int HEAD = BatchHeader.MAX_BYTES;

    private static final int FIRST_BYTES = 512;
    /** A full one. Two of them fit into what the links take without asking (docs/links.md, first window). */
    static final int MAX_BYTES = 32 * 1024;

    /** Replaced when it is full. Volatile, so that who sees the array also sees what was copied into it. */
    private volatile byte[] data;
    /** Where each entry ends. Replaced when it is full. */
    private volatile int[] ends;

    private final Marker marker;

    EncodedBatch(int expectedBytes, SpareArrays spares) {
        data = spares.take(HEAD + Math.max(FIRST_BYTES, expectedBytes));
        ends = new int[8];
        marker = null;
    }

    /** A marker's section. */
    EncodedBatch(Marker marker) {
        super(1, Marker.CHARGE);
        this.marker = marker;
        data = marker.encode();
        ends = new int[] {data.length};
    }

    private EncodedBatch(byte[] data, int[] ends) {
        this.data = data;
        this.ends = ends;
        this.marker = null;
    }

    /** Writes a tuple that has been begun. Thread: the owner. Returns the number of entries after it. */
    int add(TupleWriter tuple, List<?> values) {
        int n = end();
        int at = n == 0 ? HEAD : ends[n - 1];
        byte[] old = data;
        byte[] written = tuple.write(values, old, at);
        if (written != old) {
            data = written;
        }
        if (n == ends.length) {
            ends = Arrays.copyOf(ends, 4 * n);
        }
        ends[n] = tuple.end();
        return appended(tuple.end() - at);
    }

    @Override
    boolean isFull(int entries) {
        return bytes() >= MAX_BYTES;
    }

    @Override
    int nextCapacity() {
        return (int) Math.min(MAX_BYTES + MAX_BYTES / 8, 2 * bytes());
    }

    @Override
    OpenBatch copy(int from, int to) {
        int[] allEnds = ends;
        int begin = from == 0 ? HEAD : allEnds[from - 1];
        int length = allEnds[to - 1] - begin;
        byte[] part = new byte[HEAD + length];
        System.arraycopy(data, begin, part, HEAD, length);
        int[] partEnds = Arrays.copyOfRange(allEnds, from, to);
        for (int i = 0; i < partEnds.length; i++) {
            partEnds[i] += HEAD - begin;
        }
        EncodedBatch batch = new EncodedBatch(part, partEnds);
        batch.close(to - from, length);
        return batch;
    }

    @Override
    void sent(SpareArrays spares) {
        spares.keep(data);
    }

    boolean isMarker() {
        return marker != null;
    }

    int sourceTask() {
        return marker == null ? 0 : marker.sourceTask();
    }

    /** The array that holds the section. Thread: whoever closed the batch. */
    byte[] data() {
        return data;
    }

    /** Writes the head in front of the entries that have not left; where the section begins. */
    int sectionStart() {
        if (marker != null) {
            return 0;
        }
        int begin = first() == 0 ? HEAD : ends[first() - 1];
        // What is overwritten is spare room, or entries that have left.
        return BatchHeader.writeBefore(data, begin, size());
    }

    int sectionEnd() {
        return ends[end() - 1];
    }
}
