package io.petrel.host;

/**
 * What is known of pending roots, as columns of one width. Where a root came from is a number and not a reference: storing
 * a reference into an old array costs more than the rest of a row. Thread: the executor's.
 */
final class PendingColumns {
    private final long[] roots;
    /** 0 = free. */
    private final int[] origins;
    private final Object[] messageIds;
    private final long[] emitNanos;
    /** Made when there is a value to keep. */
    private Object[] values;

    PendingColumns(int capacity) {
        roots = new long[capacity];
        origins = new int[capacity];
        messageIds = new Object[capacity];
        emitNanos = new long[capacity];
    }

    /** One row, outside of the columns. */
    static class Row {
        int origin;
        Object messageId;
        /** When it was emitted; 0 when it was not sampled. */
        long emitted;
        /** The emitted values when topology.debug is on, else null. */
        Object value;
    }

    int capacity() {
        return roots.length;
    }

    boolean isTaken(int i) {
        return origins[i] != 0;
    }

    long root(int i) {
        return roots[i];
    }

    /** @param origin not 0 */
    void set(int i, long root, int origin, Object messageId, long emitted, Object value) {
        roots[i] = root;
        origins[i] = origin;
        messageIds[i] = messageId;
        emitNanos[i] = emitted;
        if (values != null) {
            values[i] = value;
        } else if (value != null) {
            values = new Object[roots.length];
            values[i] = value;
        }
    }

    void get(int i, Row row) {
        row.origin = origins[i];
        row.messageId = messageIds[i];
        row.emitted = emitNanos[i];
        row.value = values == null ? null : values[i];
    }

    void clear(int i) {
        origins[i] = 0;
        messageIds[i] = null;
        if (values != null) {
            values[i] = null;
        }
    }

    /** Copies a row; the old one stays as it is. */
    void move(int from, PendingColumns target, int to) {
        target.set(to, roots[from], origins[from], messageIds[from], emitNanos[from], values == null ? null : values[from]);
    }
}
