package io.petrel.host;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.storm.spout.ISpout;
import org.apache.storm.spout.SpoutOutputCollector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs the tasks of a spout. */
public final class SpoutExecutor extends Executor {
    private static final Logger LOG = LoggerFactory.getLogger("org.apache.storm.executor.spout.SpoutExecutor");
    /** Waits that only a completion, control or activation ends. */
    private static final long LONG_NANOS = 1_000_000_000L;
    /**
     * A spout that polls takes completions at most so often, and then all that have come: at 20,000 trees a second it would
     * otherwise be woken for each of them, and its emits would wake everybody behind it, tuple by tuple.
     */
    private static final long GATHER_NANOS = 500_000L;

    private final PendingTable pendingTable = new PendingTable();
    private final CompletionQueue completions;
    private final Sampler sampler;
    private final SpoutPacing pacing;
    private final SpoutWait customWait;
    private final long maxPending;
    private final List<TaskWriter> writers = new ArrayList<>();
    private final List<SpoutCollector> collectors = new ArrayList<>();
    private ISpout[] spouts;
    private boolean lastActive;
    private boolean wasHeldBack;
    private long emits;
    private int customIdle;
    /** Completions were taken since the last wait. */
    private boolean completed;
    private long lastCompleted;
    /** A copy for other threads, which may see it a moment late: this is written in every step. */
    private int pendingNow;

    public SpoutExecutor(ExecutorSpec spec, Services services, ExecutorParts parts, Parker parker) {
        super(spec, services, parts, parker);
        completions = new CompletionQueue(waker);
        sampler = new Sampler(Conf.decimal(spec.conf(), "topology.stats.sample.rate", 0.05), spec.firstTask());
        pacing = new SpoutPacing(spec.conf());
        customWait = services.api().customSpoutWait(spec.conf());
        maxPending = Math.max(0, Conf.integer(spec.conf(), "topology.max.spout.pending", 0)) * spec.tasks();
    }

    @Override
    public boolean runOnce() throws Exception {
        // Taken before control runs: what tracks the emit of a foreign thread is there before its completion is, and a
        // completion of a root that is not tracked yet would be lost.
        completions.gather(false);
        CompletionQueue.Chunk done = completions.takeAll();
        boolean worked = runControl() | complete(done);
        if (!active) {
            deactivate();
            if (outbox.retry()) {
                worked |= sendMarkers();
            }
            flush();
            return worked;
        }
        activate();
        if (!outbox.retry()) {
            flush();
            return worked;
        }
        wasHeldBack = isHeldBack();
        if (atMaxPending() || wasHeldBack) {
            flush();
            return worked;
        }
        long before = emits;
        for (ISpout spout : spouts) {
            calling();
            spout.nextTuple();
        }
        if (emits != before) {
            pacing.emitted();
            customIdle = 0;
            flushIfOld();
            return true;
        }
        flush();
        return worked;
    }

    @Override
    protected long idleNanos() {
        if (!active || atMaxPending() || isHeldBack()) {
            completions.gather(false);
            return LONG_NANOS;
        }
        long now = clock.nanos();
        if (completed) {
            completed = false;
            lastCompleted = now;
        }
        long left = GATHER_NANOS - (now - lastCompleted);
        boolean gather = left > 0;
        completions.gather(gather);
        long wait = pacing.next();
        return gather ? Math.min(left, wait) : wait;
    }

    @Override
    protected boolean hasWork() {
        return !control.isEmpty() || completions.isDue() || active != lastActive || isReleased() || customIdle();
    }

    @Override
    protected boolean hasInput() {
        return active && !atMaxPending() && !isHeldBack();
    }

    @Override
    protected boolean sendsMarkers() {
        return !active;
    }

    @Override
    protected boolean isPressed() {
        return active && !atMaxPending() && isHeldBack();
    }

    @Override
    protected void makeCollectors() {
        for (Task task : tasks) {
            TaskWriter writer = ownWriter(task);
            writers.add(writer);
            collectors.add(new SpoutCollector(this, task, writer, services.incarnation()));
        }
    }

    @Override
    protected void prepareTasks() throws Exception {
        LOG.info("Opening spout {}:{}", spec.component(), ids());
        spouts = new ISpout[tasks.size()];
        if (acks != null) {
            // Nobody waits to hear of a tree that has begun.
            acks.gather(true);
        }
        for (int i = 0; i < spouts.length; i++) {
            Task task = tasks.get(i);
            spouts[i] = (ISpout) task.object();
            if (acks != null) {
                services.ledger().open(task.id(), timeoutMillis());
            }
            services.api().offerCredentials(spouts[i], Collections.emptyMap());
            spouts[i].open(spec.conf(), task.userContext(), new SpoutOutputCollector(collectors.get(i)));
        }
        LOG.info("Opened spout {}:{}", spec.component(), ids());
    }

    /** Spouts get no tick tuples. */
    @Override
    protected void tick(long seconds) {}

    @Override
    TaskWriter writerOf(int task) {
        return writers.get(task - spec.firstTask());
    }

    CompletionQueue completions() {
        return completions;
    }

    /** Trees that the spout waits for. Thread: any; exact on the executor's. */
    int pending() {
        return ownsThread() ? pendingTable.size() : pendingNow;
    }

    void emitted() {
        emits++;
    }

    void track(long root, Task task, Object messageId, OutCell cell, List<Object> values) {
        long since = sampler.take() ? Math.max(1, clock.nanos()) : 0;
        pendingTable.put(root, task, messageId, cell, since, task.debug() ? values : null);
    }

    /** Runs on the executor's thread before its next nextTuple. Thread: any. */
    void later(ControlQueue.Action action) {
        control.add(action);
    }

    /** A message that nobody tracks is acked at once, inside emit. */
    void ackUntracked(Task task, Object messageId) {
        if (task.observed()) {
            task.beforeSpoutAck(0, messageId);
        }
        spoutOf(task).ack(messageId);
        if (task.observed()) {
            task.afterSpoutAck(messageId, 0L);
        }
    }

    /** Not held back any more, since the last step. */
    private boolean isReleased() {
        return wasHeldBack && !isHeldBack();
    }

    private boolean isHeldBack() {
        return services.pressure().holds(Pressure.SPOUTS);
    }

    private boolean atMaxPending() {
        return maxPending > 0 && pendingTable.size() >= maxPending;
    }

    private boolean complete(CompletionQueue.Chunk done) {
        for (CompletionQueue.Chunk chunk = done; chunk != null; chunk = chunk.next()) {
            for (int i = 0; i < chunk.count; i++) {
                complete(chunk.roots[i], chunk.kinds[i]);
                flushIfOld();
            }
        }
        pendingNow = pendingTable.size();
        completed |= done != null;
        return done != null;
    }

    private void complete(long root, int kind) {
        if (!pendingTable.take(root)) {
            return;
        }
        Task task = pendingTable.task;
        Object messageId = pendingTable.messageId;
        OutCell cell = pendingTable.cell;
        Object values = pendingTable.value;
        long nanos = pendingTable.emitted == 0 ? -1 : Math.max(0, clock.nanos() - pendingTable.emitted);
        calling();
        if (kind == LedgerLink.DONE_ACK) {
            cell.acked++;
            if (nanos >= 0) {
                cell.completeNanos += nanos;
                cell.completeSamples++;
            }
            ack(task, root, messageId, nanos);
        } else {
            cell.failed++;
            fail(task, root, messageId, values, nanos, kind);
        }
    }

    private void ack(Task task, long root, Object messageId, long nanos) {
        if (task.observed()) {
            task.beforeSpoutAck(root, messageId);
        }
        spoutOf(task).ack(messageId);
        if (task.observed()) {
            task.afterSpoutAck(messageId, millis(nanos));
        }
    }

    private void fail(Task task, long root, Object messageId, Object values, long nanos, int kind) {
        if (task.observed()) {
            task.beforeSpoutFail(root, messageId + " " + values, reason(kind));
        }
        spoutOf(task).fail(messageId);
        if (task.observed()) {
            task.afterSpoutFail(messageId, millis(nanos));
        }
    }

    private static String reason(int kind) {
        switch (kind) {
            case LedgerLink.DONE_TIMEOUT:
                return "TIMEOUT";
            case LedgerLink.DONE_HOST_LOST:
                return "HOST-LOST";
            default:
                return "FAIL-STREAM";
        }
    }

    private static Long millis(long nanos) {
        return nanos < 0 ? null : (Long) (nanos / 1_000_000);
    }

    private ISpout spoutOf(Task task) {
        return spouts[task.id() - spec.firstTask()];
    }

    private void activate() {
        if (lastActive) {
            return;
        }
        lastActive = true;
        LOG.info("Activating spout {}:{}", spec.component(), ids());
        for (ISpout spout : spouts) {
            spout.activate();
        }
    }

    private void deactivate() {
        if (!lastActive) {
            return;
        }
        lastActive = false;
        LOG.info("Deactivating spout {}:{}", spec.component(), ids());
        for (ISpout spout : spouts) {
            spout.deactivate();
        }
    }

    /** The user's own wait strategy waits by itself; then there is no sleep of ours. */
    private boolean customIdle() {
        if (customWait == null || !active || atMaxPending() || isHeldBack() || outbox.hasRefused()) {
            return false;
        }
        try {
            customIdle = customWait.idle(customIdle);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        return true;
    }

    private long timeoutMillis() {
        return Conf.bool(spec.conf(), "topology.enable.message.timeouts", true)
                ? 1000 * Conf.integer(spec.conf(), "topology.message.timeout.secs", 30)
                : 0;
    }

    private List<Integer> ids() {
        List<Integer> ids = new ArrayList<>();
        for (Task task : tasks) {
            ids.add(task.id());
        }
        return ids;
    }
}
