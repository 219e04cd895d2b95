package io.petrel.host;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;
import org.apache.storm.tuple.Tuple;

/**
 * Tuples on their way from one executor to another.
 *
 * <p>While it is open, its writer appends without any atomic operation, and the host's timer may take what is in it if
 * the writer sits in user code: whoever wants the content claims it first (one compare-and-swap), so that each tuple
 * leaves once and in order.
 */
public final class TupleBatch {
    /** Tuples in a full batch. */
    public static final int MAX_TUPLES = 128;

    private static final int CLOSED = -1;
    private static final int BUSY = -2;
    private static final VarHandle COUNT;
    private static final VarHandle CLAIM;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            COUNT = lookup.findVarHandle(TupleBatch.class, "count", int.class);
            CLAIM = lookup.findVarHandle(TupleBatch.class, "claim", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private Tuple[] tuples;
    private int[] tasks;
    private int count;
    private long bytes;
    private int start;
    /** First entry that has not left; CLOSED or BUSY. */
    private volatile int claim;
    /** Owned by the queue that the batch is in. */
    TupleBatch next;

    public TupleBatch(int capacity) {
        tuples = new Tuple[capacity];
        tasks = new int[capacity];
    }

    /** Appends. Thread: the writer. Returns the number of entries after it. */
    public int add(Tuple tuple, int task, int charge) {
        int n = count;
        if (n == tuples.length) {
            int capacity = Math.min(MAX_TUPLES, n * 4);
            tasks = Arrays.copyOf(tasks, capacity);
            tuples = Arrays.copyOf(tuples, capacity);
        }
        tuples[n] = tuple;
        tasks[n] = task;
        bytes += charge;
        COUNT.setRelease(this, n + 1);
        return n + 1;
    }

    /** Takes the batch from the timer's reach. Thread: the writer. False: the timer took everything that was in it. */
    public boolean close() {
        for (;;) {
            int from = claim;
            if (from == BUSY) {
                // The timer copies at most MAX_TUPLES references.
                Thread.onSpinWait();
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
    TupleBatch take() {
        int from = claim;
        if (from < 0 || (int) COUNT.getAcquire(this) == from || !CLAIM.compareAndSet(this, from, BUSY)) {
            return null;
        }
        int to = (int) COUNT.getAcquire(this);
        TupleBatch part = new TupleBatch(to - from);
        int each = (int) Math.max(1, Math.min(Integer.MAX_VALUE, bytes / Math.max(1, to)));
        for (int i = from; i < to; i++) {
            part.add(tuples[i], tasks[i], each);
        }
        part.claim = CLOSED;
        start = from;
        return part;
    }

    /** The part could not be sent. Thread: the timer. */
    void giveBack() {
        claim = start;
    }

    /** The part has been sent. Thread: the timer. */
    void commitTaken(TupleBatch part) {
        claim = start + part.count;
    }

    /** First entry to read. Thread: the reader, after close and hand-over. */
    public int first() {
        return start;
    }

    /** One past the last entry. */
    public int end() {
        return count;
    }

    /** Entries to read. */
    public int size() {
        return count - start;
    }

    /** What the entries are charged. */
    public long bytes() {
        return bytes;
    }

    public Tuple tuple(int i) {
        return tuples[i];
    }

    public int task(int i) {
        return tasks[i];
    }

    /** Drops a reference early, so that a slow reader does not keep what it has already processed. */
    void clear(int i) {
        tuples[i] = null;
    }
}
