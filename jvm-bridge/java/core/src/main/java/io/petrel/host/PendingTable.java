package io.petrel.host;

/**
 * The trees that a spout executor waits for: root id to what the spout must be told. Open addressing over plain arrays;
 * the roots of a task are consecutive, and a few neighbours in time are neighbours in memory. Thread: the executor's.
 */
public final class PendingTable {
    private long[] roots = new long[64];
    private Object[] messageIds = new Object[64];
    /** Null = free slot. */
    private OutCell[] cells = new OutCell[64];
    private Task[] tasks = new Task[64];
    private long[] emitNanos = new long[64];
    private Object[] values = new Object[64];
    private int size;

    /** What {@link #take} found. */
    Object messageId;

    OutCell cell;
    Task task;
    /** When it was emitted; 0 when it was not sampled. */
    long emitted;
    /** The emitted values when topology.debug is on, else null. */
    Object value;

    public int size() {
        return size;
    }

    void put(long root, Task task, Object messageId, OutCell cell, long emitted, Object value) {
        if (2 * (size + 1) > cells.length) {
            grow();
        }
        int i = free(root);
        roots[i] = root;
        messageIds[i] = messageId;
        cells[i] = cell;
        tasks[i] = task;
        emitNanos[i] = emitted;
        values[i] = value;
        size++;
    }

    /** Removes a root and leaves what was known in the fields; false when it is not pending. */
    boolean take(long root) {
        int mask = cells.length - 1;
        for (int i = slot(root, mask); cells[i] != null; i = (i + 1) & mask) {
            if (roots[i] == root) {
                messageId = messageIds[i];
                cell = cells[i];
                task = tasks[i];
                emitted = emitNanos[i];
                value = values[i];
                closeGap(i, mask);
                size--;
                return true;
            }
        }
        return false;
    }

    private int free(long root) {
        int mask = cells.length - 1;
        int i = slot(root, mask);
        while (cells[i] != null) {
            i = (i + 1) & mask;
        }
        return i;
    }

    /** Moves later entries of the run back, so that searches need no marks of the deleted. */
    private void closeGap(int gap, int mask) {
        int hole = gap;
        for (int i = (gap + 1) & mask; cells[i] != null; i = (i + 1) & mask) {
            int home = slot(roots[i], mask);
            if (((i - home) & mask) >= ((i - hole) & mask)) {
                move(i, hole);
                hole = i;
            }
        }
        messageIds[hole] = null;
        cells[hole] = null;
        tasks[hole] = null;
        values[hole] = null;
    }

    private void move(int from, int to) {
        roots[to] = roots[from];
        messageIds[to] = messageIds[from];
        cells[to] = cells[from];
        tasks[to] = tasks[from];
        emitNanos[to] = emitNanos[from];
        values[to] = values[from];
    }

    private void grow() {
        PendingTable old = new PendingTable();
        old.roots = roots;
        old.messageIds = messageIds;
        old.cells = cells;
        old.tasks = tasks;
        old.emitNanos = emitNanos;
        old.values = values;
        int capacity = 2 * cells.length;
        roots = new long[capacity];
        messageIds = new Object[capacity];
        cells = new OutCell[capacity];
        tasks = new Task[capacity];
        emitNanos = new long[capacity];
        values = new Object[capacity];
        size = 0;
        for (int i = 0; i < old.cells.length; i++) {
            if (old.cells[i] != null) {
                put(old.roots[i], old.tasks[i], old.messageIds[i], old.cells[i], old.emitNanos[i], old.values[i]);
            }
        }
    }

    /**
     * Eight consecutive roots are neighbours, the eights are spread by the golden ratio: the roots of a task in one long
     * run would make closeGap walk over all of them at every completion.
     */
    private static int slot(long root, int mask) {
        int eights = 32 - Integer.numberOfLeadingZeros(mask >>> 3);
        long spread = (root >>> 3) * 0x9E3779B97F4A7C15L >>> (64 - eights);
        return (int) spread << 3 | (int) root & 7;
    }
}
