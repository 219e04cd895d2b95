package io.petrel.host;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Ack records of one writer on their way to the ledger. Appending is plain stores; merging happens when the batch
 * leaves, by the writer. As with {@link TupleBatch}, the timer may claim what is in it.
 */
final class AckBatch {
    static final int MAX_RECORDS = 512;

    private static final int CLOSED = -1;
    private static final int BUSY = -2;
    private static final int TABLE = 2 * MAX_RECORDS;
    private static final VarHandle COUNT;
    private static final VarHandle CLAIM;

    static {
        try {
            MethodHandles.Lookup lookup = MethodHandles.lookup();
            COUNT = lookup.findVarHandle(AckBatch.class, "count", int.class);
            CLAIM = lookup.findVarHandle(AckBatch.class, "claim", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final LedgerLink ledger;
    private final boolean manyHosts;
    private final long[] roots = new long[MAX_RECORDS];
    private final long[] xors = new long[MAX_RECORDS];
    private final long[] masks = new long[MAX_RECORDS];
    private final byte[] kinds = new byte[MAX_RECORDS];
    private final long[] mergedRoots = new long[MAX_RECORDS];
    private final long[] mergedXors = new long[MAX_RECORDS];
    private final long[] mergedMasks = new long[MAX_RECORDS];
    private final byte[] mergedKinds = new byte[MAX_RECORDS];
    /** Open addressing over the merged records: index + 1. */
    private final int[] table = new int[TABLE];
    private final ByteBuffer out = newBuffer();
    /** The timer's own buffer: made when it is first needed. */
    private ByteBuffer timerOut;
    private int count;
    /** Much waits before the writer: full batches may wait for each other. */
    private boolean gathering;
    /** The losses that were known when the batch began: nothing in it was emitted earlier. */
    private int lossNumber;

    private int flushes;
    /** The last batch for ledgers of other hosts was given with more to come, which nobody was woken for. */
    private volatile boolean owed;
    /** The timer's: flushes at its last look, and when it last woke somebody for what is owed. */
    private int seenFlushes = -1;
    private int wokenFlushes = -1;
    private volatile int claim;

    /** @param manyHosts false: there are no losses of hosts to know of */
    AckBatch(LedgerLink ledger, boolean manyHosts) {
        this.ledger = ledger;
        this.manyHosts = manyHosts;
    }

    /** Before the first tuple of an emit leaves whose records will be added. Thread: the writer. */
    void open() {
        if (manyHosts && count == 0) {
            lossNumber = ledger.lossNumber();
        }
    }

    /** A record without tuples to other hosts. Thread: the writer. */
    void add(byte kind, long root, long xor) {
        open();
        add(kind, root, xor, 0);
    }

    /**
     * After {@link #open}. Thread: the writer.
     *
     * @param hostMask the bits of the other hosts that tuples of this tree have been emitted to
     */
    void add(byte kind, long root, long xor, long hostMask) {
        int n = count;
        roots[n] = root;
        xors[n] = xor;
        masks[n] = hostMask;
        kinds[n] = kind;
        COUNT.setRelease(this, n + 1);
        if (n + 1 == MAX_RECORDS) {
            leave(gathering);
        }
    }

    /**
     * While it gathers, nobody is woken for a full batch alone. Only for a writer that has enough before it: what it has done is
     * what a spout waits for that has all it may have pending. Thread: the writer.
     */
    void gather(boolean on) {
        gathering = on && manyHosts;
    }

    /** Nothing is here, and nothing that went waits for somebody to be woken. Thread: the writer. */
    boolean isEmpty() {
        return count == 0 && !owed;
    }

    /** Sends what is there, merged. Thread: the writer. */
    void flush() {
        if (count != 0) {
            leave(false);
        }
        if (owed) {
            owed = false;
            ledger.recorded();
        }
    }

    private void leave(boolean more) {
        int from = close();
        int bytes = merge(from, count);
        COUNT.setRelease(this, 0);
        flushes++;
        claim = 0;
        if (bytes > 0) {
            ledger.records(out, bytes, more);
            // After it: the timer wakes once for each batch, which has to be there by then.
            owed = more;
        }
    }

    /**
     * Sends what has been appended and not sent since the last call, not merged: its writer sits in user code. True
     * when records are waiting. Thread: the timer. The ledger does not mind the order of records.
     */
    boolean sweep() {
        int from = claim;
        if (flushes != seenFlushes) {
            seenFlushes = flushes;
            return count != 0 || owed;
        }
        if (owed && wokenFlushes != seenFlushes) {
            wokenFlushes = seenFlushes;
            ledger.recorded();
        }
        if (from < 0 || (int) COUNT.getAcquire(this) <= from || !CLAIM.compareAndSet(this, from, BUSY)) {
            return false;
        }
        int to = (int) COUNT.getAcquire(this);
        if (timerOut == null) {
            timerOut = newBuffer();
        }
        int at = 0;
        for (int i = from; i < to; i++) {
            at = put(timerOut, at, kinds[i], roots[i], xors[i], masks[i]);
        }
        claim = Math.max(from, to);
        if (at > 0) {
            ledger.records(timerOut, at, false);
        }
        return at > 0;
    }

    private int close() {
        for (;;) {
            int from = claim;
            if (from == BUSY) {
                Thread.onSpinWait();
            } else if (CLAIM.compareAndSet(this, from, CLOSED)) {
                return from;
            }
        }
    }

    /** Merges the inits and acks of a root by XOR; fails and time-out resets stay as they are, behind them. */
    private int merge(int from, int to) {
        if (to - from == 1) {
            return put(out, 0, kinds[from], roots[from], xors[from], masks[from]);
        }
        Arrays.fill(table, 0);
        int kept = from;
        for (int i = from; i < to; i++) {
            if (kinds[i] > LedgerLink.ACK) {
                continue;
            }
            kept = mergeOne(i, kept);
        }
        int at = 0;
        for (int i = from; i < kept; i++) {
            at = put(out, at, mergedKinds[i], mergedRoots[i], mergedXors[i], mergedMasks[i]);
        }
        for (int i = from; i < to; i++) {
            if (kinds[i] > LedgerLink.ACK) {
                at = put(out, at, kinds[i], roots[i], xors[i], masks[i]);
            }
        }
        return at;
    }

    private int mergeOne(int i, int kept) {
        long root = roots[i];
        int slot = (int) ((root * 0x9E3779B97F4A7C15L) >>> 40) & (TABLE - 1);
        for (;; slot = (slot + 1) & (TABLE - 1)) {
            int at = table[slot] - 1;
            if (at < 0) {
                table[slot] = kept + 1;
                mergedRoots[kept] = root;
                mergedXors[kept] = xors[i];
                mergedMasks[kept] = masks[i];
                mergedKinds[kept] = kinds[i];
                return kept + 1;
            }
            if (mergedRoots[at] == root) {
                mergedXors[at] ^= xors[i];
                mergedMasks[at] |= masks[i];
                if (kinds[i] == LedgerLink.INIT) {
                    mergedKinds[at] = LedgerLink.INIT;
                }
                return kept;
            }
        }
    }

    private int put(ByteBuffer buffer, int at, byte kind, long root, long xor, long hostMask) {
        buffer.putLong(at, root);
        buffer.putLong(at + 8, xor);
        buffer.putLong(at + 16, hostMask);
        // Kind in the lowest byte, three zero bytes, loss number.
        buffer.putLong(at + 24, kind & 0xFFL | (long) lossNumber << 32);
        return at + LedgerLink.RECORD_BYTES;
    }

    private static ByteBuffer newBuffer() {
        return ByteBuffer.allocateDirect(MAX_RECORDS * LedgerLink.RECORD_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    }
}
