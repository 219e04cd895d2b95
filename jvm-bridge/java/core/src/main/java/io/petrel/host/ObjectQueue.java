package io.petrel.host;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;

/**
 * The input of an executor: batches from many writers, one reader, without locks. It is charged in bytes; above its
 * limit it grants no credit. A batch is released when the reader has processed it, not when it has taken it.
 *
 * <p>Order is kept per writer.
 */
public final class ObjectQueue {
    private static final VarHandle HEAD;
    private static final VarHandle BYTES;
    private static final VarHandle LOCAL_TUPLES;
    private static final VarHandle INBOUND;
    private static final VarHandle INBOUND_TUPLES;
    private static final VarHandle INNER;
    private static final WaterMark[] NO_MARKS = {};

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            HEAD = lookup.findVarHandle(ObjectQueue.class, "head", TupleBatch.class);
            BYTES = lookup.findVarHandle(ObjectQueue.class, "bytes", long.class);
            LOCAL_TUPLES = lookup.findVarHandle(ObjectQueue.class, "localTuples", long.class);
            INBOUND_TUPLES = lookup.findVarHandle(ObjectQueue.class, "inboundTuples", long.class);
            INBOUND = lookup.findVarHandle(ObjectQueue.class, "inboundBytes", long.class);
            INNER = lookup.findVarHandle(ObjectQueue.class, "innerBytes", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    /** A sleeping reader costs its writer as much as a hundred tuples: while more follow, it is woken for so many. */
    private static final int WORTH_WAKING = 2048;
    /** The same for heavy ones: as many bytes as a core's cache still holds when the reader comes. */
    private static final long WORTH_WAKING_BYTES = 2 * 1024 * 1024;
    /** What waits behind so many has left the caches when its turn comes, and each collection copies it. */
    private static final int LIMIT_TUPLES = 8192;

    static final long FULL = 1000;
    /** Of anything but heavy tuples of this host no queue holds more: the measure of load, pressure and cycles. */
    static final long USUAL_BYTES = 4 * 1024 * 1024;

    private final Waker reader;
    private final long limitBytes;
    private final int limitTuples;
    private final List<Waker> waiting = new ArrayList<>();
    /** What writers pushed, newest first. */
    private volatile TupleBatch head;
    private volatile long bytes;
    private volatile long localTuples;
    /** Of sections from other hosts: their credit is granted elsewhere, and must not starve the writers of this host. */
    private volatile long inboundBytes;
    private volatile long inboundTuples;
    /** The part of both that came over edges inside a cycle. */
    private volatile long innerBytes;
    private WaterMark[] marks = NO_MARKS;
    private volatile boolean anyWaiting;
    /** What the reader has taken from head, oldest first. Reader only. */
    private TupleBatch ready;

    /** @param limitBytes above it, writers of edges that are not inside a cycle get no credit */
    public ObjectQueue(Waker reader, long limitBytes) {
        this(reader, limitBytes, LIMIT_TUPLES);
    }

    /** @param limitTuples the same for their number */
    ObjectQueue(Waker reader, long limitBytes, int limitTuples) {
        if (limitBytes <= 0) {
            throw new IllegalArgumentException("queue limit " + limitBytes + " bytes; it must be positive");
        }
        this.reader = reader;
        this.limitBytes = limitBytes;
        this.limitTuples = limitTuples;
    }

    /**
     * Thread: any. False when there is no credit; then {@link #await} and try again. A batch is accepted whole as long
     * as the queue is below its limit, so that a single large tuple always passes.
     */
    public boolean tryEnqueue(TupleBatch batch, boolean innerEdge) {
        if (!innerEdge && (bytes >= limitBytes || localTuples >= limitTuples)) {
            return false;
        }
        BYTES.getAndAdd(this, batch.bytes());
        LOCAL_TUPLES.getAndAdd(this, (long) batch.size());
        if (innerEdge) {
            batch.inner = true;
            INNER.getAndAdd(this, batch.bytes());
        }
        push(batch);
        look();
        return true;
    }

    /** A section that has its credit from elsewhere. Thread: any. */
    void enqueueInbound(InboundBatch section) {
        INBOUND.getAndAdd(this, (long) section.encodedBytes());
        INBOUND_TUPLES.getAndAdd(this, (long) section.size());
        if (section.inner) {
            INNER.getAndAdd(this, (long) section.encodedBytes());
        }
        push(section);
        look();
    }

    /** Looked at with every change of what waits. Before the first batch. */
    void watch(WaterMark... watched) {
        marks = watched;
    }

    private void look() {
        for (WaterMark mark : marks) {
            mark.look(this);
        }
    }

    private void push(TupleBatch batch) {
        TupleBatch old;
        do {
            old = head;
            batch.next = old;
        } while (!HEAD.compareAndSet(this, old, batch));
        if (!batch.more || localTuples >= WORTH_WAKING || bytes >= Math.min(limitBytes / 2, WORTH_WAKING_BYTES)) {
            reader.wake();
        }
    }

    /** For batches with {@link OpenBatch#more}. Thread: any. */
    void wakeReader() {
        if (head != null) {
            reader.wake();
        }
    }

    /**
     * Thread: any. Wakes this writer once, when the queue has fallen below half of its limit. Call it after {@link
     * Waker#prepare}, and try to enqueue once more after the call: the queue may have fallen before it.
     */
    public void await(Waker writer) {
        synchronized (waiting) {
            if (!waiting.contains(writer)) {
                waiting.add(writer);
            }
            anyWaiting = true;
        }
    }

    /** Thread: the reader. Null when empty. */
    public TupleBatch poll() {
        TupleBatch batch = ready;
        if (batch == null) {
            if (head == null) {
                return null;
            }
            batch = reversed((TupleBatch) HEAD.getAndSet(this, null));
        }
        ready = batch.next;
        batch.next = null;
        return batch;
    }

    /** Thread: the reader. The batch has been processed: its credit returns. */
    public void release(TupleBatch batch) {
        if (batch instanceof InboundBatch) {
            INBOUND_TUPLES.getAndAdd(this, (long) -batch.size());
            long encoded = ((InboundBatch) batch).encodedBytes();
            INBOUND.getAndAdd(this, -encoded);
            if (batch.inner) {
                INNER.getAndAdd(this, -encoded);
            }
            look();
            return;
        }
        long leftTuples = (long) LOCAL_TUPLES.getAndAdd(this, (long) -batch.size()) - batch.size();
        long left = (long) BYTES.getAndAdd(this, -batch.bytes()) - batch.bytes();
        if (batch.inner) {
            INNER.getAndAdd(this, -batch.bytes());
        }
        look();
        if (anyWaiting && left < limitBytes / 2 && leftTuples < limitTuples / 2) {
            wakeWriters();
        }
    }

    /** Thread: the reader. */
    public boolean isEmpty() {
        return ready == null && head == null;
    }

    /** Charged bytes of the writers of this host. Thread: any. */
    public long bytes() {
        return bytes;
    }

    /** Encoded bytes of sections from other hosts. Thread: any. */
    public long inboundBytes() {
        return inboundBytes;
    }

    /**
     * How full it is in thousandths, as back pressure of all spouts sees it: all that waits, in bytes, and this host's tuples
     * by their number. Light tuples reach one limit, heavy ones the other, and those of other hosts their credit (4 MiB).
     * Thread: any.
     */
    long fullness() {
        long byBytes = FULL * (bytes + inboundBytes) / Math.min(limitBytes, USUAL_BYTES);
        return Math.max(byBytes, FULL * localTuples / limitTuples);
    }

    /** The same for groupers that look at load: 0 to 1. Thread: any. */
    double load() {
        return Math.min(1.0, (double) fullness() / FULL);
    }

    /** What came over edges inside a cycle. Thread: any. */
    long innerBytes() {
        return innerBytes;
    }

    /** Tuples that have not been processed. Thread: any. */
    public long tuples() {
        return localTuples + inboundTuples;
    }

    public long limitBytes() {
        return limitBytes;
    }

    private void wakeWriters() {
        List<Waker> woken;
        synchronized (waiting) {
            woken = new ArrayList<>(waiting);
            waiting.clear();
            anyWaiting = false;
        }
        for (Waker writer : woken) {
            writer.wake();
        }
    }

    private static TupleBatch reversed(TupleBatch newestFirst) {
        TupleBatch result = null;
        for (TupleBatch batch = newestFirst; batch != null;) {
            TupleBatch older = batch.next;
            batch.next = result;
            result = batch;
            batch = older;
        }
        return result;
    }
}
