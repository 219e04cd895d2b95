package io.petrel.host;

import java.util.Arrays;

/**
 * The trees that a spout executor waits for: root id to what the spout must be told. The roots of a task are consecutive and
 * end nearly in their order, so a ring by sequence number holds them: emits and completions walk through memory one after
 * the other. Roots that find their place taken (stragglers of the ring's last turn, other tasks of the executor) go into a
 * table. Thread: the executor's.
 */
public final class PendingTable {
    private static final int FIRST_CAPACITY = 64;
    /** Above it, what the ring has no place for goes into the table. */
    private static final int MAX_RING = 1 << 20;

    private PendingColumns ring = new PendingColumns(FIRST_CAPACITY);
    private int inRing;
    private final ScatteredRoots scattered = new ScatteredRoots();
    private final PendingColumns.Row found = new PendingColumns.Row();
    /** By origin; 0 is none. */
    private Task[] tasks = new Task[4];

    private OutCell[] cells = new OutCell[4];
    private int origins;
    private int lastOrigin;

    /** What {@link #take} found. */
    Object messageId;

    OutCell cell;
    Task task;
    /** When it was emitted; 0 when it was not sampled. */
    long emitted;
    /** The emitted values when topology.debug is on, else null. */
    Object value;

    public int size() {
        return inRing + scattered.size();
    }

    /** Of these, how many are not in the ring. */
    int scattered() {
        return scattered.size();
    }

    void put(long root, Task itsTask, Object itsMessageId, OutCell itsCell, long emitNanos, Object itsValue) {
        int origin = origin(itsTask, itsCell);
        int i = place(root);
        if (ring.isTaken(i)) {
            if (2 * inRing >= ring.capacity() && ring.capacity() < MAX_RING) {
                grow();
                i = place(root);
            }
            if (ring.isTaken(i)) {
                scattered.put(root, origin, itsMessageId, emitNanos, itsValue);
                return;
            }
        }
        ring.set(i, root, origin, itsMessageId, emitNanos, itsValue);
        inRing++;
    }

    /** Removes a root and leaves what was known in the fields; false when it is not pending. */
    boolean take(long root) {
        int i = place(root);
        if (ring.isTaken(i) && ring.root(i) == root) {
            ring.get(i, found);
            ring.clear(i);
            inRing--;
        } else if (!scattered.take(root, found)) {
            return false;
        }
        task = tasks[found.origin];
        cell = cells[found.origin];
        messageId = found.messageId;
        emitted = found.emitted;
        value = found.value;
        return true;
    }

    private void grow() {
        PendingColumns old = ring;
        ring = new PendingColumns(2 * old.capacity());
        // Places that differ stay different in a ring of twice the size.
        for (int i = 0; i < old.capacity(); i++) {
            if (old.isTaken(i)) {
                old.move(i, ring, place(old.root(i)));
            }
        }
    }

    /** By sequence; each task, and each kind of its threads, has its own beginning. */
    private int place(long root) {
        int begin = (int) ((root >>> RootIds.SEQUENCE_BITS) * 0x9E3779B97F4A7C15L >>> 32);
        return (int) root + begin & ring.capacity() - 1;
    }

    private int origin(Task itsTask, OutCell itsCell) {
        int last = lastOrigin;
        if (last != 0 && cells[last] == itsCell && tasks[last] == itsTask) {
            return last;
        }
        for (int i = 1; i <= origins; i++) {
            if (cells[i] == itsCell && tasks[i] == itsTask) {
                lastOrigin = i;
                return i;
            }
        }
        if (++origins == cells.length) {
            cells = Arrays.copyOf(cells, 2 * origins);
            tasks = Arrays.copyOf(tasks, 2 * origins);
        }
        cells[origins] = itsCell;
        tasks[origins] = itsTask;
        lastOrigin = origins;
        return origins;
    }
}
