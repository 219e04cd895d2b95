package io.petrel.host;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Tuples on their way from one writer, of which the host's timer may take what is in it while the writer sits in user
 * code: whoever wants the content claims it first (one compare-and-swap), so that each tuple leaves once and in order.
 * The writer appends without any atomic operation.
 */
abstract class OpenBatch {
    private static final int CLOSED = -1;
    private static final int BUSY = -2;
    private static final VarHandle COUNT;
    private static final VarHandle CLAIM;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            COUNT = lookup.findVarHandle(OpenBatch.class, "count", int.class);
            CLAIM = lookup.findVarHandle(OpenBatch.class, "claim", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private int count;
    private long bytes;
    private int start;
    /** First entry that has not left; CLOSED or BUSY. */
    private volatile int claim;
    /** The outbox's: where it goes. */
    int destination;
    /** Its writer goes on: nobody need be woken for this batch alone, {@link Outbox#flush} does it. The outbox's. */
    boolean more;

    OpenBatch() {}

    /** A batch that was never open, with so many entries. */
    OpenBatch(int entries, long bytes) {
        this.count = entries;
        this.bytes = bytes;
        this.claim = CLOSED;
    }

    /** The entry with this number has been written. Thread: the writer. Returns the number of entries. */
    final int appended(int charge) {
        int n = count + 1;
        bytes += charge;
        COUNT.setRelease(this, n);
        return n;
    }

    /** It leaves at once. Thread: the writer. */
    abstract boolean isFull(int entries);

    /** What the next batch for the same destination should have room for. Thread: the writer. */
    abstract int nextCapacity();

    /** It was handed over, and what is the writer's of it may be used again. Thread: the writer. */
    void sent(SpareArrays spares) {}

    /** The charge of a batch whose entries are known only now. Thread: who made it, before anybody else sees it. */
    final void close(int entries, long charge) {
        count = entries;
        bytes = charge;
        claim = CLOSED;
    }

    /** Takes the batch from the timer's reach. Thread: the writer. False: the timer took everything that was in it. */
    public final boolean close() {
        for (;;) {
            int from = claim;
            if (from == BUSY) {
                // The timer copies at most one batch, and hands it over.
                Thread.onSpinWait();
            } else if (from == CLOSED) {
                return start < count;
            } else if (CLAIM.compareAndSet(this, from, CLOSED)) {
                start = from;
                return from < count;
            }
        }
    }

    /**
     * Claims what has been appended so far. Thread: the timer. Null when there is nothing, or the writer was faster.
     * After a non-null answer {@link #giveBack} or {@link #commitTaken} must follow.
     */
    final OpenBatch take() {
        int from = claim;
        if (from < 0 || (int) COUNT.getAcquire(this) == from || !CLAIM.compareAndSet(this, from, BUSY)) {
            return null;
        }
        int to = (int) COUNT.getAcquire(this);
        start = from;
        OpenBatch part = copy(from, to);
        part.destination = destination;
        return part;
    }

    /** Entries [from, to) as a closed batch. Thread: the timer; the writer may append meanwhile. */
    abstract OpenBatch copy(int from, int to);

    /** The part could not be sent. Thread: the timer. */
    final void giveBack() {
        claim = start;
    }

    /** The part has been sent. Thread: the timer. */
    final void commitTaken(OpenBatch part) {
        claim = start + part.count;
    }

    /** First entry to read. Thread: the reader, after close and hand-over. */
    public final int first() {
        return start;
    }

    /** One past the last entry. */
    public final int end() {
        return count;
    }

    /** Entries to read. */
    public final int size() {
        return count - start;
    }

    /** What the entries are charged. */
    public final long bytes() {
        return bytes;
    }
}
