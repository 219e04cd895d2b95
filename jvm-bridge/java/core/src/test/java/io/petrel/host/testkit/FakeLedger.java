package io.petrel.host.testkit;

import io.petrel.host.HostClock;
import io.petrel.host.HostLink;
import io.petrel.host.HostRuntime;
import io.petrel.host.LedgerLink;
import io.petrel.host.RootIds;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * The ledger's semantics in plain Java, for tests: XOR per root, completions delivered when the test says so.
 * Thread-safe.
 */
public final class FakeLedger implements HostLink {
    /** A record as it arrived. */
    public record Record(long root, long xor, long hostMask, int kind, int lossNumber) {}

    /** An error as it was reported. */
    public record ErrorReport(String component, int task, String text, int exitCode) {}

    private static final class Tree {
        long xor;
        boolean init;
        boolean failed;
        long deadline = Long.MAX_VALUE;
    }

    private final HostClock clock;
    private final Map<Integer, Long> timeouts = new HashMap<>();
    private final Map<Long, Tree> trees = new HashMap<>();
    private final List<Long> doneRoots = new ArrayList<>();
    private final List<Integer> doneKinds = new ArrayList<>();
    private final List<Record> records = new ArrayList<>();
    private final List<ErrorReport> errors = new ArrayList<>();
    /** What records are stamped with. */
    public volatile int losses;
    private boolean keepRecords;
    private boolean waiting;
    private int recordedCalls;
    private int recordedHere;
    private int preparedCalls;
    private volatile ErrorReport death;

    public FakeLedger(HostClock clock) {
        this.clock = clock;
    }

    /** Remembers all records for {@link #records}. */
    public synchronized FakeLedger keepingRecords() {
        keepRecords = true;
        return this;
    }

    @Override
    public synchronized void open(int spoutTask, long timeoutMillis) {
        timeouts.put(spoutTask, timeoutMillis);
    }

    @Override
    public int lossNumber() {
        return losses;
    }

    @Override
    public synchronized void records(ByteBuffer direct, int bytes) {
        if (!direct.isDirect() || bytes % RECORD_BYTES != 0 || bytes > direct.capacity()) {
            throw new IllegalArgumentException("a bad buffer of records: " + bytes + " of " + direct);
        }
        ByteBuffer in = direct.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes; at += RECORD_BYTES) {
            apply(new Record(
                    in.getLong(at), in.getLong(at + 8), in.getLong(at + 16), in.get(at + 24), in.getInt(at + 28)));
        }
        waiting = true;
        notifyAll();
    }

    @Override
    public synchronized void recorded(boolean here) {
        waiting = false;
        recordedCalls++;
        recordedHere += here ? 1 : 0;
    }

    /** Records have come, and nobody said {@link #recorded} since. */
    public synchronized boolean isWaiting() {
        return waiting;
    }

    public synchronized int recordedCalls() {
        return recordedCalls;
    }

    /** Those in which the ledger might have run. */
    public synchronized int recordedHere() {
        return recordedHere;
    }

    private void apply(Record record) {
        if (keepRecords) {
            records.add(record);
        }
        Long timeout = timeouts.get(RootIds.task(record.root()));
        if (timeout == null) {
            throw new IllegalStateException("a record of a spout task that has not opened: " + record);
        }
        Tree tree = trees.get(record.root());
        if (record.kind() == LedgerLink.RESET) {
            if (tree != null) {
                tree.deadline = deadline(timeout);
            }
            return;
        }
        if (tree == null) {
            tree = new Tree();
            tree.deadline = deadline(timeout);
            trees.put(record.root(), tree);
        }
        tree.xor ^= record.xor();
        tree.init |= record.kind() == LedgerLink.INIT;
        tree.failed |= record.kind() == LedgerLink.FAIL;
        if (tree.init && (tree.failed || tree.xor == 0)) {
            complete(record.root(), tree.failed ? DONE_FAIL : DONE_ACK);
        }
    }

    private long deadline(long timeoutMillis) {
        return timeoutMillis == 0 ? Long.MAX_VALUE : clock.nanos() + timeoutMillis * 1_000_000L;
    }

    private void complete(long root, int kind) {
        trees.remove(root);
        doneRoots.add(root);
        doneKinds.add(kind);
    }

    /** Fails what is past its time. */
    public synchronized void expire() {
        for (Map.Entry<Long, Tree> entry : new ArrayList<>(trees.entrySet())) {
            if (entry.getValue().deadline <= clock.nanos()) {
                if (entry.getValue().init) {
                    complete(entry.getKey(), DONE_TIMEOUT);
                } else {
                    trees.remove(entry.getKey());
                }
            }
        }
    }

    /** Hands what is complete to the host; the number of roots. */
    public int deliver(HostRuntime runtime) {
        ByteBuffer out;
        int n;
        synchronized (this) {
            n = doneRoots.size();
            if (n == 0) {
                return 0;
            }
            out = ByteBuffer.allocateDirect(n * COMPLETION_BYTES).order(ByteOrder.LITTLE_ENDIAN);
            for (int i = 0; i < n; i++) {
                out.putLong(i * COMPLETION_BYTES, doneRoots.get(i));
                out.putInt(i * COMPLETION_BYTES + 8, RootIds.task(doneRoots.get(i)));
                out.putInt(i * COMPLETION_BYTES + 12, doneKinds.get(i));
            }
            doneRoots.clear();
            doneKinds.clear();
        }
        runtime.completions(out, n);
        return n;
    }

    /** Waits until something is complete, so long at most. */
    public synchronized void awaitDone(long millis) throws InterruptedException {
        if (doneRoots.isEmpty()) {
            wait(millis);
        }
    }

    public synchronized List<Record> records() {
        return new ArrayList<>(records);
    }

    public synchronized int openTrees() {
        return trees.size();
    }

    public synchronized Map<Integer, Long> timeouts() {
        return new HashMap<>(timeouts);
    }

    public synchronized List<ErrorReport> errors() {
        return new ArrayList<>(errors);
    }

    public ErrorReport death() {
        return death;
    }

    public synchronized int preparedCalls() {
        return preparedCalls;
    }

    @Override
    public synchronized void prepared() {
        preparedCalls++;
        notifyAll();
    }

    @Override
    public synchronized void reportError(String component, int task, String text, long wallMillis) {
        errors.add(new ErrorReport(component, task, text, 0));
        notifyAll();
    }

    @Override
    public synchronized void die(String component, int task, String text, int exitCode) {
        death = new ErrorReport(component, task, text, exitCode);
        notifyAll();
    }
}
