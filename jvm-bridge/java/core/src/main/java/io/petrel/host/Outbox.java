package io.petrel.host;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import java.util.List;
import java.util.Map;
import org.apache.storm.tuple.Tuple;

/**
 * What one writer has emitted and not yet handed over: an open batch per destination, and behind it the batches that were
 * refused for want of credit, per group of destinations (an executor).
 *
 * <p>Thread: one writer (an executor thread, or whoever holds the lock of a foreign outbox); {@link #sweep} is the
 * timer's.
 */
public final class Outbox {
    /** A writer without credit looks again after this time even if nobody wakes it. */
    static final long BLOCKED_PARK_NANOS = 100_000_000L;

    /** Of batches of objects: of one, and of all together as long as that leaves each {@link TupleBatch#LEAST_BYTES}. */
    private static final int MOST_BATCH_BYTES = 512 * 1024;
    private static final int ALL_BATCH_BYTES = 4 * 1024 * 1024;

    private static final VarHandle OPEN = MethodHandles.arrayElementVarHandle(OpenBatch[].class);
    private static final VarHandle OWED = MethodHandles.arrayElementVarHandle(int[].class);

    private final Destination[] destinations;
    /** By destination; null where nothing is inside a cycle. */
    private final CycleRoom[] rooms;
    private final Waker self;
    private final HostClock clock;
    private final long hardCapBytes;
    /** Of a batch of objects. */
    private final int batchBytes;
    private final OpenBatch[] open;
    /** Of encoded batches: a full one leaves its array to the next. */
    private final SpareArrays spares = new SpareArrays(EncodedBatch.MAX_BYTES, 4 * EncodedBatch.MAX_BYTES, 4);
    /** Of the next batch: entries, or bytes where it is encoded. */
    private final int[] capacity;
    private final int[] dirty;
    private int dirtyCount;
    private final boolean[] isDirty;
    /** By group. */
    private final ArrayDeque<OpenBatch>[] refused;
    /** Groups with refused batches, the longest refused first. */
    private final int[] waiting;
    private int waitingCount;
    private long refusedBytes;
    private volatile long blockedNanos;
    /** By group; the group that was refused first is the cause. Written by the writer, read by any. */
    private final long[] blockedByGroup;
    /** What the timer saw in its last sweep. */
    private final OpenBatch[] seen;
    /** By destination; 1 when a batch has left that may not have woken the reader. Cleared by who wakes it: writer or timer. */
    private final int[] owed;
    /** Somebody flushes: before the first time the writer may still sit in the user's open or prepare, unseen by the timer. */
    private boolean flushes;

    /**
     * @param destinations by the index that {@link Topology#destination} gives
     * @param self woken when a destination has credit again
     * @param hardCapBytes above so many refused bytes, emit blocks
     */
    @SuppressWarnings("unchecked")
    Outbox(Destination[] destinations, Waker self, HostClock clock, long hardCapBytes) {
        this.destinations = destinations;
        this.self = self;
        this.clock = clock;
        this.hardCapBytes = hardCapBytes;
        int n = destinations.length;
        // An eighth of a small queue, which holds half of the hard cap.
        batchBytes = (int) Math.max(TupleBatch.LEAST_BYTES,
                Math.min(hardCapBytes / 16, Math.min(MOST_BATCH_BYTES, ALL_BATCH_BYTES / Math.max(1, n))));
        rooms = new CycleRoom[n];
        for (int i = 0; i < n; i++) {
            rooms[i] = destinations[i].room();
        }
        int groups = 0;
        for (Destination destination : destinations) {
            groups = Math.max(groups, destination.group() + 1);
        }
        open = new OpenBatch[n];
        capacity = new int[n];
        dirty = new int[n];
        isDirty = new boolean[n];
        refused = new ArrayDeque[groups];
        waiting = new int[groups];
        blockedByGroup = new long[groups];
        seen = new OpenBatch[n];
        owed = new int[n];
    }

    /**
     * Appends a tuple for a task of an executor of this host. Blocks when more than the hard cap has been refused.
     *
     * @throws HostStopping when the thread is interrupted while it blocks
     */
    public void add(int destination, Tuple tuple, int task, int charge) {
        TupleBatch batch = (TupleBatch) open[destination];
        if (batch == null) {
            int wanted = capacity[destination];
            batch = new TupleBatch(wanted == 0 ? 8 : wanted, batchBytes);
            opened(destination, batch);
        }
        added(destination, batch, batch.add(tuple, task, charge));
    }

    /**
     * The same for a task of another host.
     *
     * @throws IllegalArgumentException naming component, stream and field when a value cannot be encoded
     */
    void addEncoded(int destination, TupleEncoder encoder, String component, int task, int stream, TupleId id,
            List<Object> values) {
        EncodedBatch batch = (EncodedBatch) open[destination];
        if (batch == null) {
            batch = new EncodedBatch(capacity[destination], spares);
            opened(destination, batch);
        }
        added(destination, batch, encoder.encode(batch, component, task, stream, id, values));
    }

    /** Sends a marker to a destination, behind everything that was added for its group. */
    void addMarker(int destination, Marker marker) {
        int group = destinations[destination].group();
        for (int d = 0; d < open.length; d++) {
            OpenBatch batch = open[d];
            if (batch != null && destinations[d].group() == group) {
                open[d] = null;
                leave(d, batch);
            }
        }
        OpenBatch batch = destinations[destination].markerBatch(marker);
        batch.destination = destination;
        handOver(batch);
    }

    /** The room that a tuple for this destination needs and has not got: then it must not be added. Mostly null. */
    CycleRoom fullRoom(int destination) {
        CycleRoom room = rooms[destination];
        return room != null && room.isFull() ? room : null;
    }

    /** True when something is waiting in an open batch. */
    public boolean isDirty() {
        return dirtyCount != 0;
    }

    /** Hands over all open batches, and wakes the readers that full ones have not. */
    public void flush() {
        for (int i = 0; i < dirtyCount; i++) {
            int destination = dirty[i];
            isDirty[destination] = false;
            OpenBatch batch = open[destination];
            if (batch != null) {
                open[destination] = null;
                capacity[destination] = batch.nextCapacity();
                leave(destination, batch);
            }
            wakeIfOwed(destination);
        }
        dirtyCount = 0;
        flushes = true;
    }

    /**
     * Hands over everything, waiting for credit when there is none.
     *
     * @throws HostStopping when the thread is interrupted while it waits
     */
    void flushAndWait() {
        flush();
        if (waitingCount != 0) {
            block();
        }
    }

    /** True when batches wait for credit: then the executor takes no tuples. */
    public boolean hasRefused() {
        return waitingCount != 0;
    }

    /** Bytes that wait for credit. */
    public long refusedBytes() {
        return refusedBytes;
    }

    /** Tries the refused batches again, in order. True when none is left. */
    public boolean retry() {
        if (waitingCount == 0) {
            return true;
        }
        int kept = 0;
        for (int i = 0; i < waitingCount; i++) {
            int group = waiting[i];
            if (!retry(group)) {
                waiting[kept++] = group;
            }
        }
        waitingCount = kept;
        return kept == 0;
    }

    /**
     * Asks to be woken by every destination that has refused, once. Announce the sleep before: a wake-up that comes too
     * early would be used up, and another writer may take the credit before this one looks again.
     */
    public void awaitCredit() {
        for (int i = 0; i < waitingCount; i++) {
            destinations[refused[waiting[i]].peek().destination].await(self);
        }
    }

    /** Wakes a writer that waits for credit. Thread: any. */
    void creditCame() {
        self.wake();
    }

    /** Nanoseconds in which this writer had something to do and no credit. Thread: any. */
    public long blockedNanos() {
        return blockedNanos;
    }

    /** Adds the same by cause: the first task of the group without credit. Thread: any; numbers may be a moment old. */
    void addBlockedByTask(Map<Integer, Long> sums) {
        for (Destination destination : destinations) {
            long nanos = blockedByGroup[destination.group()];
            if (nanos != 0 && firstOfGroup(destination)) {
                sums.merge(destination.task(), nanos, Long::sum);
            }
        }
    }

    private boolean firstOfGroup(Destination wanted) {
        for (Destination destination : destinations) {
            if (destination.group() == wanted.group()) {
                return destination == wanted;
            }
        }
        return false;
    }

    void addBlocked(long nanos) {
        addBlocked(nanos, waitingCount == 0 ? -1 : waiting[0]);
    }

    private void addBlocked(long nanos, int group) {
        blockedNanos = blockedNanos + nanos;
        if (group >= 0) {
            blockedByGroup[group] += nanos;
        }
    }

    /** The group that has been without credit for longest; -1 when none is. */
    int firstRefused() {
        return waitingCount == 0 ? -1 : waiting[0];
    }

    /**
     * Takes batches that have been open since the last sweep, and wakes who was not woken for full ones: their writer sits
     * in user code. True when there was anything to do, or may be soon. Thread: the timer.
     */
    boolean sweep() {
        boolean any = false;
        for (int d = 0; d < open.length; d++) {
            any |= wakeIfOwed(d);
            OpenBatch batch = (OpenBatch) OPEN.getAcquire(open, d);
            if (batch == null) {
                seen[d] = null;
                continue;
            }
            any = true;
            if (batch != seen[d]) {
                seen[d] = batch;
                continue;
            }
            takeFrom(d, batch);
        }
        return any;
    }

    private void takeFrom(int d, OpenBatch batch) {
        ArrayDeque<OpenBatch> older = refused[destinations[d].group()];
        if (older != null && !older.isEmpty()) {
            // Older batches wait: nothing may overtake them.
            return;
        }
        OpenBatch part = batch.take();
        if (part == null) {
            return;
        }
        boolean gone = false;
        try {
            gone = destinations[d].handOver(part);
        } finally {
            // The writer waits for one of the two, whatever happens here.
            if (gone) {
                batch.commitTaken(part);
            } else {
                batch.giveBack();
            }
        }
    }

    /** True when the reader was owed a wake-up. What was handed over before is visible to it. */
    private boolean wakeIfOwed(int d) {
        boolean due = (int) OWED.getAcquire(owed, d) != 0 && (int) OWED.getAndSet(owed, d, 0) != 0;
        if (due) {
            destinations[d].wake();
        }
        return due;
    }

    private void opened(int destination, OpenBatch batch) {
        batch.destination = destination;
        OPEN.setRelease(open, destination, batch);
        if (!isDirty[destination]) {
            isDirty[destination] = true;
            dirty[dirtyCount++] = destination;
        }
    }

    private void added(int destination, OpenBatch batch, int entries) {
        if (batch.isFull(entries)) {
            capacity[destination] = batch.nextCapacity();
            open[destination] = null;
            batch.more = flushes;
            leave(destination, batch);
        }
        if (refusedBytes > hardCapBytes) {
            block();
        }
    }

    private void leave(int d, OpenBatch batch) {
        if (batch.close()) {
            handOver(batch);
        }
    }

    private void handOver(OpenBatch batch) {
        Destination destination = destinations[batch.destination];
        int group = destination.group();
        ArrayDeque<OpenBatch> behind = refused[group];
        boolean first = behind == null || behind.isEmpty();
        if (first && destination.handOver(batch)) {
            if (batch.more) {
                OWED.setRelease(owed, batch.destination, 1);
            }
            batch.sent(spares);
            return;
        }
        if (behind == null) {
            behind = new ArrayDeque<>();
            refused[group] = behind;
        }
        if (first) {
            waiting[waitingCount++] = group;
        }
        batch.more = false;  // it leaves later than the next flush
        behind.add(batch);
        refusedBytes += batch.bytes();
    }

    private boolean retry(int group) {
        ArrayDeque<OpenBatch> batches = refused[group];
        for (OpenBatch batch; (batch = batches.peek()) != null;) {
            if (!destinations[batch.destination].handOver(batch)) {
                return false;
            }
            batches.poll();
            refusedBytes -= batch.bytes();
            batch.sent(spares);
        }
        return true;
    }

    /** Waits inside emit. Downstream never waits for upstream, and edges inside a cycle are never refused. */
    private void block() {
        long since = clock.nanos();
        int cause = firstRefused();
        while (!retry() && refusedBytes > hardCapBytes / 2) {
            self.prepare();
            awaitCredit();
            if (retry() || refusedBytes <= hardCapBytes / 2) {
                self.cancel();
                break;
            }
            self.sleep(BLOCKED_PARK_NANOS);
            if (Thread.interrupted()) {
                throw new HostStopping("interrupted while emit waited for credit");
            }
        }
        addBlocked(clock.nanos() - since, cause);
    }
}
