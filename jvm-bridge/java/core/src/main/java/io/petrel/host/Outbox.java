package io.petrel.host;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayDeque;
import org.apache.storm.tuple.Tuple;

/**
 * What one writer has emitted and not yet handed over: an open batch per destination executor, and behind it the
 * batches that were refused for want of credit.
 *
 * <p>Thread: one writer (an executor thread, or whoever holds the lock of a foreign outbox); {@link #sweep} is the
 * timer's.
 */
public final class Outbox {
    /** A writer without credit looks again after this time even if nobody wakes it. */
    static final long BLOCKED_PARK_NANOS = 100_000_000L;

    private static final VarHandle OPEN = MethodHandles.arrayElementVarHandle(TupleBatch[].class);

    /** Large tuples leave in smaller batches. */
    private static final long MAX_BATCH_BYTES = 64 * 1024;

    private final Destination[] destinations;
    private final Waker self;
    private final HostClock clock;
    private final long hardCapBytes;
    private final TupleBatch[] open;
    private final int[] capacity;
    private final int[] dirty;
    private int dirtyCount;
    private final boolean[] isDirty;
    private final ArrayDeque<TupleBatch>[] refused;
    private int refusedBatches;
    private long refusedBytes;
    private volatile long blockedNanos;
    /** What the timer saw in its last sweep. */
    private final TupleBatch[] seen;

    /**
     * @param destinations by index of executor
     * @param self woken when a destination has credit again
     * @param hardCapBytes above so many refused bytes, emit blocks
     */
    @SuppressWarnings("unchecked")
    public Outbox(Destination[] destinations, Waker self, HostClock clock, long hardCapBytes) {
        this.destinations = destinations;
        this.self = self;
        this.clock = clock;
        this.hardCapBytes = hardCapBytes;
        int n = destinations.length;
        open = new TupleBatch[n];
        capacity = new int[n];
        dirty = new int[n];
        isDirty = new boolean[n];
        refused = new ArrayDeque[n];
        seen = new TupleBatch[n];
    }

    /** Where batches go: a queue, and whether the edge to it is inside a cycle (then it is never refused). */
    public static final class Destination {
        final ObjectQueue queue;
        final boolean inner;

        public Destination(ObjectQueue queue, boolean inner) {
            this.queue = queue;
            this.inner = inner;
        }
    }

    /**
     * Appends a tuple for a task of the destination. Blocks when more than the hard cap has been refused.
     *
     * @throws HostStopping when the thread is interrupted while it blocks
     */
    public void add(int destination, Tuple tuple, int task, int charge) {
        TupleBatch batch = open[destination];
        if (batch == null) {
            batch = newBatch(destination);
        }
        int entries = batch.add(tuple, task, charge);
        if (entries == TupleBatch.MAX_TUPLES || batch.bytes() > MAX_BATCH_BYTES) {
            capacity[destination] = entries;
            open[destination] = null;
            leave(destination, batch);
        }
        if (refusedBytes > hardCapBytes) {
            block();
        }
    }

    /** True when something is waiting in an open batch. */
    public boolean isDirty() {
        return dirtyCount != 0;
    }

    /** Hands over all open batches. */
    public void flush() {
        for (int i = 0; i < dirtyCount; i++) {
            int destination = dirty[i];
            isDirty[destination] = false;
            TupleBatch batch = open[destination];
            if (batch != null) {
                open[destination] = null;
                capacity[destination] = Math.max(8, Math.min(TupleBatch.MAX_TUPLES, 2 * batch.end()));
                leave(destination, batch);
            }
        }
        dirtyCount = 0;
    }

    /**
     * Hands over everything, waiting for credit when there is none.
     *
     * @throws HostStopping when the thread is interrupted while it waits
     */
    void flushAndWait() {
        flush();
        if (refusedBatches != 0) {
            block();
        }
    }

    /** True when batches wait for credit: then the executor takes no tuples. */
    public boolean hasRefused() {
        return refusedBatches != 0;
    }

    /** Bytes that wait for credit. */
    public long refusedBytes() {
        return refusedBytes;
    }

    /** Tries the refused batches again, in order. True when none is left. */
    public boolean retry() {
        if (refusedBatches == 0) {
            return true;
        }
        for (int d = 0; d < refused.length; d++) {
            if (refused[d] != null) {
                retry(d);
            }
        }
        return refusedBatches == 0;
    }

    /**
     * Asks to be woken by every destination that has refused, once. Announce the sleep before: a wake-up that comes too
     * early would be used up, and another writer may take the credit before this one looks again.
     */
    public void awaitCredit() {
        for (int d = 0; d < refused.length; d++) {
            if (refused[d] != null && !refused[d].isEmpty()) {
                destinations[d].queue.await(self);
            }
        }
    }

    /** Nanoseconds in which this writer had something to do and no credit. Thread: any. */
    public long blockedNanos() {
        return blockedNanos;
    }

    void addBlocked(long nanos) {
        blockedNanos = blockedNanos + nanos;
    }

    /**
     * Takes batches that have been open since the last sweep: their writer sits in user code. True when a batch was
     * open. Thread: the timer.
     */
    boolean sweep() {
        boolean any = false;
        for (int d = 0; d < open.length; d++) {
            TupleBatch batch = (TupleBatch) OPEN.getAcquire(open, d);
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

    private void takeFrom(int d, TupleBatch batch) {
        if (refused[d] != null && !refused[d].isEmpty()) {
            // Older batches wait: nothing may overtake them.
            return;
        }
        TupleBatch part = batch.take();
        if (part == null) {
            return;
        }
        if (destinations[d].queue.tryEnqueue(part, destinations[d].inner)) {
            batch.commitTaken(part);
        } else {
            batch.giveBack();
        }
    }

    private TupleBatch newBatch(int destination) {
        int wanted = capacity[destination];
        TupleBatch batch = new TupleBatch(wanted == 0 ? 8 : wanted);
        OPEN.setRelease(open, destination, batch);
        if (!isDirty[destination]) {
            isDirty[destination] = true;
            dirty[dirtyCount++] = destination;
        }
        return batch;
    }

    private void leave(int d, TupleBatch batch) {
        if (!batch.close()) {
            return;
        }
        boolean behind = refused[d] != null && !refused[d].isEmpty();
        if (!behind && destinations[d].queue.tryEnqueue(batch, destinations[d].inner)) {
            return;
        }
        if (refused[d] == null) {
            refused[d] = new ArrayDeque<>();
        }
        refused[d].add(batch);
        refusedBatches++;
        refusedBytes += batch.bytes();
    }

    private void retry(int d) {
        ArrayDeque<TupleBatch> waiting = refused[d];
        for (TupleBatch batch; (batch = waiting.peek()) != null;) {
            if (!destinations[d].queue.tryEnqueue(batch, destinations[d].inner)) {
                return;
            }
            waiting.poll();
            refusedBatches--;
            refusedBytes -= batch.bytes();
        }
    }

    /** Waits inside emit. Downstream never waits for upstream, and edges inside a cycle are never refused. */
    private void block() {
        long since = clock.nanos();
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
        addBlocked(clock.nanos() - since);
    }
}
