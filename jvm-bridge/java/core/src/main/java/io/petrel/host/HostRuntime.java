package io.petrel.host;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.storm.hooks.ITaskHook;
import org.apache.storm.spout.ISpout;
import org.apache.storm.task.IBolt;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The executors of one host and their life. {@link Host} holds the one of the process; tests make their own, with
 * threads or stepped by hand.
 */
public final class HostRuntime {
    private static final Logger LOG = LoggerFactory.getLogger(HostRuntime.class);
    private static final int MAX_COMPLETIONS = 1 << 20;
    private static final long LOAD_NANOS = 1_000_000_000L;
    /** The part of the heap that arrays for sections may take while nobody uses them. */
    private static final int ARRAYS_SHARE = 32;

    private final ApiLine api;
    private final HostLink link;
    private final HostClock clock;
    private final HostTimer timer;
    private final List<Executor> executors;
    private final List<Plan.LocalExecutor> idle;
    private final List<SpoutExecutor> spouts = new ArrayList<>();
    /** By spout task. */
    private final SpoutExecutor[] spoutOf;
    /** By task. */
    private final Executor[] executorOf;
    private final int[] remoteTasks;
    private final Pressure pressure;
    private final SectionArrays arrays = new SectionArrays(Runtime.getRuntime().maxMemory() / ARRAYS_SHARE);
    /** Of the thread of the links. */
    private CycleOverflow overflow;
    private final List<ExecutorThread> threads = new ArrayList<>();
    private final AtomicInteger unprepared = new AtomicInteger();
    private Thread timerThread;
    private volatile boolean stopped;

    /**
     * Builds contexts and executors; starts nothing.
     *
     * @param seeds of random generators; must differ between hosts and incarnations
     * @param queueLimitBytes of each input queue; 0 = from the heap
     * @throws RuntimeException with a sentence when plan, topology or conf do not fit together
     */
    public HostRuntime(byte[] plan, byte[] topology, String confJson, ApiLine api, HostLink link, HostClock clock,
            LongSupplier seeds, Supplier<Parker> parkers, long queueLimitBytes) {
        this.api = api;
        this.link = link;
        this.clock = clock;
        Plan decoded = Plan.read(plan);
        LOG.info("Launching worker for {} on {}:{} with id {}, container {}, incarnation {}", decoded.topologyId(),
                decoded.host(), decoded.port(), decoded.workerId(), decoded.containerId(), decoded.incarnation());
        Map<String, Object> conf = api.parseJson(confJson);
        conf.put("storm.id", decoded.topologyId());
        conf.put("topology.name", decoded.topologyName());
        timer = new HostTimer(clock);
        HostBuilder builder = new HostBuilder(decoded, topology, conf, api, clock, seeds, link,
                new ErrorReporter(link, clock, conf), timer, parkers, queueLimitBytes);
        builder.build();
        executors = List.copyOf(builder.executors());
        idle = List.copyOf(builder.idle());
        executorOf = executorTable();
        spoutOf = spoutTable();
        for (Executor executor : executors) {
            if (executor instanceof SpoutExecutor) {
                spouts.add((SpoutExecutor) executor);
            }
        }
        remoteTasks = builder.remoteTasks();
        pressure = builder.pressure();
        timer.sweep(executors);
        timer.every(LOAD_NANOS, this::refreshLoad);
        timer.every(LOAD_NANOS, new StuckCalls(executors, clock, conf)::look);
    }

    /** All executors. A test that steps them calls init and runOnce itself. */
    public List<Executor> executors() {
        return executors;
    }

    public HostTimer timer() {
        return timer;
    }

    /** Starts the threads. Prepare and open run at once when active, at activation otherwise. */
    public void start(boolean active) {
        api.startWorker();
        unprepared.set(executors.size());
        for (Executor executor : executors) {
            executor.setActive(active);
            ExecutorThread thread = new ExecutorThread(executor, this::onePrepared);
            threads.add(thread);
            thread.start();
        }
        timerThread = new Thread(this::runTimer, "petrel-timer");
        timerThread.setDaemon(true);
        timerThread.start();
        if (!active) {
            link.prepared();
        }
    }

    /** The topology's status has changed. */
    public void setActive(boolean active) {
        for (Executor executor : executors) {
            executor.setActive(active);
        }
    }

    public byte[] sample() {
        return SampleWriter.write(executors, idle);
    }

    /** Completed roots; the layout is in jvm-bridge/README.md. Thread: whoever runs the ledger, one at a time. */
    public void completions(ByteBuffer direct, int count) {
        if (count < 0 || count > MAX_COMPLETIONS || (long) count * LedgerLink.COMPLETION_BYTES > direct.capacity()) {
            throw new IllegalArgumentException(count + " completions in a buffer of " + direct.capacity() + " bytes");
        }
        ByteBuffer in = direct.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < count; i++) {
            int at = i * LedgerLink.COMPLETION_BYTES;
            int task = in.getInt(at + 8);
            SpoutExecutor executor = task > 0 && task < spoutOf.length ? spoutOf[task] : null;
            if (executor == null) {
                LOG.warn("The ledger completed a root of task {}, which is no spout task of this host", task);
            } else {
                executor.completions().fill(in.getLong(at), in.getInt(at + 12));
            }
        }
        for (SpoutExecutor executor : spouts) {
            executor.completions().pushFilled();
        }
    }

    /** Sections of other hosts; the layout is in jvm-bridge/README.md. Thread: that of the links. */
    public void deliver(ByteBuffer direct, int sections, int bytes) {
        if (sections < 0 || bytes < 0 || bytes > direct.capacity()) {
            throw new IllegalArgumentException(
                    sections + " sections of " + bytes + " bytes in a buffer of " + direct.capacity());
        }
        ByteBuffer in = direct.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        in.position(0).limit(bytes);
        for (int i = 0; i < sections; i++) {
            deliverOne(in);
        }
    }

    private void deliverOne(ByteBuffer in) {
        long flowLow = in.getLong();
        long flowHigh = in.getLong();
        int sourceTask = in.getInt();
        int task = in.getInt();
        int kind = in.getInt();
        int count = in.getInt();
        int length = in.getInt();
        boolean large = kind == TaskLinks.LARGE;
        if (length < 0 || (large ? Long.BYTES : length) > in.remaining() || count < 0) {
            throw new IllegalArgumentException("a section of " + count + " tuples and " + length + " bytes where "
                    + in.remaining() + " bytes are left");
        }
        long kept = 0;
        byte[] encoded = null;
        if (large) {
            kept = in.getLong();
        } else {
            encoded = arrays.take(length);
            in.get(encoded, 0, length);
        }
        Executor executor = task > 0 && task < executorOf.length ? executorOf[task] : null;
        if (executor == null || executor instanceof SpoutExecutor) {
            LOG.error("A section of {} tuples from task {} came for task {}, which takes none here; it is dropped", count,
                    sourceTask, task);
            if (large) {
                link.takeSection(kept, null);
            }
            link.consumed(flowLow, flowHigh, length);
            return;
        }
        InboundBatch section = large
                ? new LargeInboundBatch(link, kept, flowLow, flowHigh, sourceTask, task, count, length)
                : new InboundBatch(flowLow, flowHigh, sourceTask, task, kind == TaskLinks.MARKER, count, encoded,
                        length, arrays);
        if (section.inner && !section.isMarker() && executor.room() != null && executor.room().isFull()) {
            if (overflow == null) {
                overflow = new CycleOverflow(executor.services());
            }
            overflow.refuse(executor.room(), section);
            return;
        }
        executor.deliver(section);
    }

    /** What all other hosts ask to be held back. Thread: that of the links. */
    public void pressure(int bits) {
        pressure.others(bits);
    }

    /** These executors, by their first task, were refused by other hosts and may try again. Thread: that of the links. */
    public void credit(int[] firstTasks) {
        for (int task : firstTasks) {
            for (Executor executor : executors) {
                if (executor.spec().firstTask() == task) {
                    executor.creditCame();
                }
            }
        }
    }

    /** The topology has been deactivated: markers follow the last tuples, and the host says when it has all of them. */
    public void drain(long epoch) {
        for (Executor executor : executors) {
            executor.drain(epoch);
        }
    }

    /** Interrupts the threads, waits for them so long in all, and calls cleanup and close as Storm does. */
    public void stop(long graceMillis) {
        if (stopped) {
            return;
        }
        stopped = true;
        long deadline = clock.nanos() + graceMillis * 1_000_000L;
        for (ExecutorThread thread : threads) {
            LOG.info("Shutting down executor {}", thread.executor().spec().name());
            thread.end();
        }
        for (ExecutorThread thread : threads) {
            join(thread, deadline);
        }
        for (Executor executor : executors) {
            close(executor);
            LOG.info("Shut down executor {}", executor.spec().name());
        }
        if (timerThread != null) {
            LockSupport.unpark(timerThread);
        }
        api.stopWorker();
    }

    /** Calls the hooks' cleanup and close or cleanup of the tasks. */
    private static void close(Executor executor) {
        for (Task task : executor.tasks()) {
            for (ITaskHook hook : task.hooks()) {
                guarded(task, hook::cleanup);
            }
        }
        if (!executor.isPrepared()) {
            return;
        }
        for (Task task : executor.tasks()) {
            if (task.object() instanceof ISpout) {
                guarded(task, ((ISpout) task.object())::close);
            } else if (task.object() instanceof IBolt) {
                guarded(task, ((IBolt) task.object())::cleanup);
            }
        }
    }

    /** One task's failure must not keep the others from being closed. */
    private static void guarded(Task task, Runnable action) {
        try {
            action.run();
        } catch (RuntimeException | Error e) {
            LOG.error("Task {} of {} failed while it was closed", task.id(), task.component(), e);
        }
    }

    private void join(ExecutorThread thread, long deadline) {
        long left = Math.max(1, (deadline - clock.nanos()) / 1_000_000L);
        try {
            thread.join(left);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
        if (thread.isAlive()) {
            LOG.warn("Thread {} is still alive ({} ms after interruption). Stop waiting for it.", thread.getName(),
                    left);
        }
    }

    private void onePrepared() {
        if (unprepared.decrementAndGet() == 0) {
            LOG.info("All {} executors are prepared", executors.size());
            link.prepared();
        }
    }

    private void runTimer() {
        while (!stopped) {
            try {
                LockSupport.parkNanos(timer.runDue(clock.nanos()));
            } catch (RuntimeException e) {
                LOG.error("The host's timer met an error and goes on", e);
            }
        }
    }

    private void refreshLoad() {
        int[] fills = new int[remoteTasks.length];
        if (fills.length != 0) {
            link.loads(remoteTasks, fills);
        }
        Map<Integer, Double> remote = new HashMap<>();
        for (int i = 0; i < fills.length; i++) {
            remote.put(remoteTasks[i], fills[i] / 65535.0);
        }
        for (Executor executor : executors) {
            executor.refreshLoad(task -> {
                Executor target = task > 0 && task < executorOf.length ? executorOf[task] : null;
                return target == null ? remote.getOrDefault(task, 0.0)
                                      : target.queue().load();
            });
        }
    }

    private Executor[] executorTable() {
        int last = 0;
        for (Executor executor : executors) {
            last = Math.max(last, executor.spec().lastTask());
        }
        Executor[] table = new Executor[last + 1];
        for (Executor executor : executors) {
            for (Task task : executor.tasks()) {
                if (task.id() > 0) {
                    table[task.id()] = executor;
                }
            }
        }
        return table;
    }

    private SpoutExecutor[] spoutTable() {
        SpoutExecutor[] table = new SpoutExecutor[executorOf.length];
        for (int task = 0; task < table.length; task++) {
            table[task] = executorOf[task] instanceof SpoutExecutor ? (SpoutExecutor) executorOf[task] : null;
        }
        return table;
    }
}
