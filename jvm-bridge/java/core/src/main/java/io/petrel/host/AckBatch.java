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
    /** Batches that wait for each other while the writer gathers. */
    static final int MOST_GATHERED = 4;

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
    /** Full batches may wait for each other. */
    private boolean gathering;
    /** The losses that were known when the batch began: nothing in it was emitted earlier. */
    private int lossNumber;

    private int flushes;
    /** Batches that were given and that nobody attends to yet. Written by the writer. */
    private volatile int owed;
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
            // Inside of the user's call: what follows is for settle.
            leave();
        }
    }

    /**
     * While it gathers, nobody attends to a full batch alone. Of bolts only for one that has enough before it: what it has done
     * is what a spout waits for that has all it may have pending. Thread: the writer.
     */
    void gather(boolean on) {
        gathering = on;
    }

    /** Nothing is here, and nothing that went waits for {@link #settle}. Thread: the writer. */
    boolean isEmpty() {
        return count == 0 && owed == 0;
    }

    /**
     * Sends what is there, merged. Thread: the writer.
     *
     * @param here as in {@link LedgerLink#recorded}
     */
    void flush(boolean here) {
        if (count != 0) {
            leave();
        }
        recorded(here);
    }

    /** Sees to it that full batches are attended to. Between two calls of user code. Thread: the writer. */
    void settle() {
        if (!gathering || owed >= MOST_GATHERED) {
            recorded(true);
        }
    }

    private void recorded(boolean here) {
        if (owed != 0) {
            owed = 0;
            ledger.recorded(here);
        }
    }

    private void leave() {
        int from = close();
        int bytes = merge(from, count);
        COUNT.setRelease(this, 0);
        claim = 0;
        if (bytes > 0) {
            ledger.records(out, bytes);
        }
        // After it: the timer looks once at each batch, which has to be there by then.
        flushes++;
        if (bytes > 0) {
            owed = owed + 1;
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
            return count != 0 || owed != 0;
        }
        if (owed != 0 && wokenFlushes != seenFlushes) {
            wokenFlushes = seenFlushes;
            ledger.recorded(false);
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
            ledger.records(timerOut, at);
            ledger.recorded(false);
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
        int kept = mergeNeighbours(from, to);
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

    /**
     * Roots mostly come in their order: then one that was seen before is the last one, and no table is needed to find it.
     * The merged records are from..kept.
     */
    private int mergeNeighbours(int from, int to) {
        int kept = from;
        boolean ascending = true;
        for (int i = from; i < to; i++) {
            if (kinds[i] > LedgerLink.ACK) {
                continue;
            }
            long root = roots[i];
            if (kept > from) {
                long last = mergedRoots[kept - 1];
                if (root == last) {
                    mergeInto(kept - 1, xors[i], masks[i], kinds[i]);
                    continue;
                }
                ascending &= root > last;
            }
            keep(kept++, root, xors[i], masks[i], kinds[i]);
        }
        return ascending ? kept : mergeScattered(from, kept);
    }

    /** The same for records in any order: those that neighbours left, in place. */
    private int mergeScattered(int from, int to) {
        Arrays.fill(table, 0);
        int kept = from;
        for (int i = from; i < to; i++) {
            long root = mergedRoots[i];
            int slot = (int) ((root * 0x9E3779B97F4A7C15L) >>> 40) & (TABLE - 1);
            while (table[slot] != 0 && mergedRoots[table[slot] - 1] != root) {
                slot = (slot + 1) & (TABLE - 1);
            }
            if (table[slot] == 0) {
                table[slot] = kept + 1;
                keep(kept++, root, mergedXors[i], mergedMasks[i], mergedKinds[i]);
            } else {
                mergeInto(table[slot] - 1, mergedXors[i], mergedMasks[i], mergedKinds[i]);
            }
        }
        return kept;
    }

    private void keep(int at, long root, long xor, long mask, byte kind) {
        mergedRoots[at] = root;
        mergedXors[at] = xor;
        mergedMasks[at] = mask;
        mergedKinds[at] = kind;
    }

    private void mergeInto(int at, long xor, long mask, byte kind) {
        mergedXors[at] ^= xor;
        mergedMasks[at] |= mask;
        if (kind == LedgerLink.INIT) {
            mergedKinds[at] = LedgerLink.INIT;
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
