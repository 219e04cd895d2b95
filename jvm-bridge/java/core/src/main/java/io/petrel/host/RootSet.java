package io.petrel.host;

import java.util.Arrays;
import java.util.Map;
import org.apache.storm.tuple.MessageId;

/**
 * Collects the roots of a tuple's anchors: roots that several anchors share are merged by XOR. Reused from emit to
 * emit. Thread: one.
 */
final class RootSet {
    /** Up to here a linear search beats a table. */
    private static final int LINEAR = 16;

    private long[] pairs = new long[2 * LINEAR];
    private int size;
    /** Open addressing: index of the pair + 1; used above LINEAR. */
    private int[] table;

    void clear() {
        size = 0;
        if (table != null && table.length > 1 << 16) {
            table = null;
        } else if (table != null) {
            Arrays.fill(table, 0);
        }
    }

    /** Adds an edge to all roots of an anchor. */
    void addAll(MessageId anchor, long edge) {
        if (anchor instanceof TupleId) {
            TupleId id = (TupleId) anchor;
            for (int i = 0; i < id.roots(); i++) {
                add(id.root(i), edge);
            }
        } else {
            for (Map.Entry<Long, Long> entry : anchor.getAnchorsToIds().entrySet()) {
                add(entry.getKey(), edge);
            }
        }
    }

    TupleId toId() {
        return TupleId.of(pairs, size);
    }

    private void add(long root, long edge) {
        int at = size < LINEAR ? linear(root) : hashed(root);
        if (at >= 0) {
            pairs[2 * at + 1] ^= edge;
            return;
        }
        if (2 * size == pairs.length) {
            pairs = Arrays.copyOf(pairs, 4 * size);
        }
        pairs[2 * size] = root;
        pairs[2 * size + 1] = edge;
        size++;
        if (size > LINEAR) {
            insert(root, size);
        }
    }

    private int linear(long root) {
        for (int i = 0; i < size; i++) {
            if (pairs[2 * i] == root) {
                return i;
            }
        }
        return -1;
    }

    private int hashed(long root) {
        if (size == LINEAR || table == null || 2 * (size + 1) > table.length) {
            rebuild();
        }
        int mask = table.length - 1;
        for (int i = slot(root, mask);; i = (i + 1) & mask) {
            int entry = table[i];
            if (entry == 0) {
                return -1;
            }
            if (pairs[2 * (entry - 1)] == root) {
                return entry - 1;
            }
        }
    }

    private void rebuild() {
        int wanted = Integer.highestOneBit(4 * (size + 1)) * 2;
        if (table == null || table.length < wanted) {
            table = new int[wanted];
        } else {
            Arrays.fill(table, 0);
        }
        for (int i = 0; i < size; i++) {
            insert(pairs[2 * i], i + 1);
        }
    }

    private void insert(long root, int entry) {
        int mask = table.length - 1;
        int i = slot(root, mask);
        while (table[i] != 0) {
            i = (i + 1) & mask;
        }
        table[i] = entry;
    }

    private static int slot(long root, int mask) {
        long mixed = root * 0x9E3779B97F4A7C15L;
        return (int) (mixed >>> 32) & mask;
    }
}
