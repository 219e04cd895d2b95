package io.petrel.host;

import io.petrel.host.codec.TupleWriter;
import io.petrel.host.grouping.Grouper;
import io.petrel.host.grouping.LoadView;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.LongConsumer;
import java.util.function.Supplier;
import org.apache.storm.task.GeneralTopologyContext;

/**
 * Some tasks of one component and the loop that serves them, as a step function: {@link #runOnce} does what there is to
 * do and never waits, {@link #idle} waits. A thread calls them in turn ({@link ExecutorThread}); a test may call them
 * from a scheduler of its own.
 *
 * <p>Thread: one, the first that calls {@link #init}; {@link #queue} and the signals may be used by any.
 */
public abstract class Executor {
    /** A batch that has been open this long leaves, looked at between tuples. */
    static final long FLUSH_NANOS = 250_000L;
    /** The same while calls come quickly one after the other: many small batches would then cost more than the tuples. */
    private static final long QUICK_FLUSH_NANOS = 1_000_000L;
    /** Calls between two looks at the clock, at most; only quick calls get that far. */
    private static final int MOST_UNCHECKED = 16;
    /** Between looks whether the calls of foreign threads are over, behind which a marker has to go. */
    private static final long MARKER_RETRY_NANOS = 1_000_000L;

    private static final VarHandle CALLS;

    static {
        try {
            CALLS = MethodHandles.lookup().findVarHandle(Executor.class, "calls", long.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    protected final ExecutorSpec spec;
    protected final Services services;
    protected final ExecutorParts parts;
    protected final HostClock clock;
    protected final Parker parker;
    protected final Waker waker;
    protected final ControlQueue control;
    protected final List<Task> tasks = new ArrayList<>();
    protected Outbox outbox;
    /** Null when nothing is tracked. */
    protected AckBatch acks;
    protected Map<String, Route> routes;
    protected final InCells inputs = new InCells();
    protected volatile boolean active;
    private final ObjectQueue queue;
    private final List<TaskWriter> foreignWriters = new CopyOnWriteArrayList<>();
    private final CreditNews creditNews = new CreditNews();
    private Supplier<Map<String, Route>> newRoutes;
    private Destination[] destinations;
    private TupleEncoder encoder;
    private Drain drain = new Drain(Set.of());
    private int[] markerDestinations = new int[0];
    private LongConsumer onDrained = epoch -> {};
    /** Time in which others asked this executor to wait. */
    private volatile long pressedNanos;
    /** Null outside of cycles. */
    private CycleRoom room;
    private volatile Thread owner;
    private volatile boolean prepared;
    /** Grows with every call of user code. Written by the owner, read by the timer. */
    private long calls;
    /** Something was waiting at the last look at the clock; since when, about. */
    private boolean dirty;

    private long dirtySince;
    /** Between two looks at the clock. */
    private int checkEvery = 1;

    private int sinceCheck;

    protected Executor(ExecutorSpec spec, Services services, ExecutorParts parts, Parker parker) {
        this.spec = spec;
        this.services = services;
        this.parts = parts;
        this.clock = services.clock();
        this.parker = parker;
        this.waker = new Waker(parker);
        this.control = new ControlQueue(waker);
        this.queue = new ObjectQueue(waker, spec.queueLimitBytes());
    }

    /** The tasks, in order of their ids. Before connect. */
    public void addTask(Task task) {
        tasks.add(task);
    }

    /**
     * Gives the executor its outputs, once all executors exist.
     *
     * @param destinations by the index that {@link Topology#destination} gives
     * @param newRoutes makes the routes of one writer: the executor's own, and those of foreign threads that emit
     */
    final void connect(Destination[] destinations, Supplier<Map<String, Route>> newRoutes) {
        this.destinations = destinations;
        this.newRoutes = newRoutes;
        encoder = newEncoder();
        outbox = new Outbox(destinations, waker, clock, spec.hardCapBytes());
        acks = newAcks();
        routes = newRoutes.get();
        makeCollectors();
    }

    /**
     * Says whose markers the executor waits for, and where its own go.
     *
     * @param markerDestinations one for each executor behind this one
     * @param done called on the executor's thread when it has all markers of an epoch
     */
    final void expectMarkers(Set<Integer> sourceTasks, int[] markerDestinations, LongConsumer done) {
        drain = new Drain(sourceTasks);
        this.markerDestinations = markerDestinations;
        onDrained = done;
    }

    /** The sources have stopped, or will: send a marker behind the last tuple. Thread: any. */
    final void drain(long epoch) {
        control.add(() -> drain.requested(epoch));
    }

    final void markerCame(Marker marker) {
        drain.came(marker);
    }

    /** A section of another host, for a task of this executor. Never refused. Thread: that of the links. */
    final void deliver(InboundBatch section) {
        queue.enqueueInbound(section);
    }

    /** Writers of this executor that were refused by other hosts may try again. Thread: that of the links. */
    final void creditCame() {
        creditNews.came();
        waker.wake();
        for (TaskWriter writer : foreignWriters) {
            writer.outbox().creditCame();
        }
    }

    /** How much may wait inside of its cycle. Before connect. */
    final void room(CycleRoom itsRoom) {
        room = itsRoom;
    }

    /** Null outside of cycles. */
    final CycleRoom room() {
        return room;
    }

    /** Something need not be held back any more. Thread: any. */
    final void pressureFell() {
        waker.wake();
    }

    final CreditNews creditNews() {
        return creditNews;
    }

    /** Prepares or opens the tasks. Thread: the owner; it becomes the owner by this call. */
    public final void init() throws Exception {
        owner = Thread.currentThread();
        prepareTasks();
        services.api().markPrepared(parts);
        prepared = true;
        schedule();
    }

    /**
     * Does what there is to do and does not wait. False: nothing was done, all output that could leave has left, and {@link
     * #idle} may wait.
     */
    public abstract boolean runOnce() throws Exception;

    /** How long to wait when nothing is there to do, in nanoseconds. */
    protected abstract long idleNanos();

    /** True when {@link #runOnce} would do something. Looked at after the sleep has been announced. */
    protected abstract boolean hasWork();

    /** Waits until there may be something to do. Thread: the owner. */
    public final void idle() throws InterruptedException {
        boolean blocked = outbox.hasRefused();
        boolean starved = blocked && hasInput();
        boolean pressed = !starved && isPressed();
        long nanos = blocked ? Outbox.BLOCKED_PARK_NANOS : idleNanos();
        if (drain.due() != 0 && sendsMarkers()) {
            nanos = Math.min(nanos, MARKER_RETRY_NANOS);
        }
        waker.prepare();
        if (blocked) {
            outbox.awaitCredit();
        }
        if (hasWork() || blocked && canSend()) {
            waker.cancel();
            return;
        }
        long since = starved || pressed ? clock.nanos() : 0;
        waker.sleep(nanos);
        if (starved) {
            outbox.addBlocked(clock.nanos() - since);
        } else if (pressed) {
            pressedNanos = pressedNanos + clock.nanos() - since;
        }
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
    }

    /** Spouts are called only while active. Thread: any. */
    public final void setActive(boolean on) {
        active = on;
        waker.wake();
    }

    /** True when there would be something to process if there were credit. */
    protected boolean hasInput() {
        return !queue.isEmpty();
    }

    /** Markers that are due go now; a spout's only while it is not active. */
    protected boolean sendsMarkers() {
        return true;
    }

    /** True when there would be something to process, and others ask to wait with it. */
    protected boolean isPressed() {
        return false;
    }

    /** True when the calling thread owns this executor. */
    final boolean ownsThread() {
        return Thread.currentThread() == owner;
    }

    /** Makes the collectors of all tasks. */
    protected abstract void makeCollectors();

    /** Calls prepare or open of all tasks. */
    protected abstract void prepareTasks() throws Exception;

    /** Before each call of user code that could take its time. */
    protected final void calling() {
        CALLS.setOpaque(this, calls + 1);
    }

    /** Calls of user code so far. Thread: any. */
    final long calls() {
        return (long) CALLS.getOpaque(this);
    }

    /** The owner while it is in user code, or seems to be; null before it has begun and while it waits. Thread: any. */
    final Thread inUserCode() {
        return waker.isAsleep() ? null : owner;
    }

    /** Calls a tick tuple's receivers. */
    protected abstract void tick(long seconds) throws Exception;

    /** Runs the actions that are waiting; true when there was one. */
    protected final boolean runControl() throws Exception {
        if (control.isEmpty()) {
            return false;
        }
        for (ControlQueue.Action action; (action = control.poll()) != null;) {
            action.run();
        }
        return true;
    }

    /** Looks at the clock every few calls and lets old batches leave. Between two tuples or two nextTuple calls. */
    protected final void flushIfOld() {
        if (++sinceCheck < checkEvery) {
            return;
        }
        sinceCheck = 0;
        if (acks != null) {
            acks.settle();
        }
        if (!outbox.isDirty() && (acks == null || acks.isEmpty())) {
            // Before the clock: it would be the dearest part of a sink's step.
            dirty = false;
            checkEvery = 1;
            return;
        }
        long now = clock.nanos();
        if (!dirty) {
            dirty = true;
            dirtySince = now;
            return;
        }
        long age = now - dirtySince;
        if (age >= (checkEvery == MOST_UNCHECKED ? QUICK_FLUSH_NANOS : FLUSH_NANOS)) {
            flush();
        } else if (age < FLUSH_NANOS / 8 && checkEvery < MOST_UNCHECKED) {
            // Calls are quick: the clock costs more than they do.
            checkEvery *= 2;
        }
    }

    /** Hands over everything that has been emitted and acked. */
    protected final void flush() {
        outbox.flush();
        if (acks != null) {
            acks.flush(true);
        }
        dirty = false;
        checkEvery = 1;
    }

    /** Sends the markers that are due, when no foreign thread is about to emit before them. True when they went. */
    protected final boolean sendMarkers() {
        long epoch = drain.due();
        if (epoch == 0) {
            return false;
        }
        for (TaskWriter writer : foreignWriters) {
            if (writer.isBusy()) {
                return false;
            }
        }
        flush();
        for (int destination : markerDestinations) {
            for (Task task : tasks) {
                outbox.addMarker(destination, new Marker(Marker.DRAIN, epoch, task.id()));
            }
        }
        drain.sent(epoch);
        onDrained.accept(epoch);
        return true;
    }

    /** The writer of the executor's own thread for a task. */
    protected final TaskWriter ownWriter(Task task) {
        return new TaskWriter(task, services.topology(), services.api(), services.tupleContext(), routes, outbox, acks,
                EdgeIds.seeded(services.seeds()), inputs, encoder);
    }

    /**
     * A writer for threads that are not the executor's; call it and use it under the task's lock. It has its own
     * groupers, edges and counts, hands over after every call, and blocks while there is no credit.
     */
    protected final TaskWriter foreignWriter(Task task) {
        ThreadParker foreignParker = new ThreadParker();
        Outbox foreignOutbox = new Outbox(destinations, new Waker(foreignParker), clock, 0);
        TaskWriter writer = new TaskWriter(task, services.topology(), services.api(), services.tupleContext(),
                newRoutes.get(), foreignOutbox, newAcks(), EdgeIds.seeded(services.seeds()), new InCells(),
                newEncoder());
        writer.adopt(foreignParker);
        foreignWriters.add(writer);
        return writer;
    }

    private AckBatch newAcks() {
        return Conf.hasAckers(services.conf()) ? new AckBatch(services.ledger(), services.links() != null)
                                                    : null;
    }

    private TupleEncoder newEncoder() {
        return services.links() == null ? null
                : new TupleEncoder(services.streams(), services.codecs(),
                        Conf.integer(services.conf(), "petrel.max.tuple.bytes", TupleWriter.DEFAULT_TUPLE_BYTES));
    }

    private boolean canSend() {
        outbox.retry();
        return !outbox.hasRefused();
    }

    private void schedule() {
        long seconds = Conf.integer(spec.conf(), "topology.tick.tuple.freq.secs", 0);
        if (seconds > 0 && !spec.component().startsWith("__")) {
            ControlQueue.Action tick = () -> tick(seconds);
            services.timer().every(seconds * 1_000_000_000L, () -> control.addPeriodic(tick));
        }
        if (Metrics.hasConsumers(routes)) {
            for (Integer interval : Metrics.intervals(parts, spec.conf())) {
                ControlQueue.Action collect = () -> Metrics.collect(this, interval);
                services.timer().every(interval * 1_000_000_000L, () -> control.addPeriodic(collect));
            }
        }
    }

    /** What the host's timer does for this executor: batches whose writer sits in user code. True when one was open. */
    final boolean sweep() {
        boolean any = outbox.sweep();
        return acks != null && acks.sweep() || any;
    }

    /** Load of tasks for groupers that look at it. Thread: the timer. */
    final void refreshLoad(LoadView load) {
        refresh(routes, load);
        for (TaskWriter writer : foreignWriters) {
            refresh(writer.routes(), load);
        }
    }

    private static void refresh(Map<String, Route> routes, LoadView load) {
        for (Route route : routes.values()) {
            for (Grouper grouper : route.groupers) {
                if (grouper.usesLoad()) {
                    grouper.refreshLoad(load);
                }
            }
        }
    }

    public final ExecutorSpec spec() {
        return spec;
    }

    public final ObjectQueue queue() {
        return queue;
    }

    public final Outbox outbox() {
        return outbox;
    }

    public final List<Task> tasks() {
        return tasks;
    }

    public final Parker parker() {
        return parker;
    }

    final ExecutorParts parts() {
        return parts;
    }

    final Services services() {
        return services;
    }

    /** All writers' routes: the executor's own first. Thread: any. */
    final List<Map<String, Route>> allRoutes() {
        List<Map<String, Route>> all = new ArrayList<>();
        all.add(routes);
        for (TaskWriter writer : foreignWriters) {
            all.add(writer.routes());
        }
        return all;
    }

    final List<InCells> allInputs() {
        List<InCells> all = new ArrayList<>();
        all.add(inputs);
        for (TaskWriter writer : foreignWriters) {
            all.add(writer.inputs());
        }
        return all;
    }

    final long blockedNanos() {
        long sum = outbox.blockedNanos() + pressedNanos;
        for (TaskWriter writer : foreignWriters) {
            sum += writer.outbox().blockedNanos();
        }
        return sum;
    }

    /** The same by the task that had no credit; 0: others asked to wait ({@link Pressure}). Thread: any. */
    final Map<Integer, Long> blockedByTask() {
        Map<Integer, Long> sums = new TreeMap<>();
        outbox.addBlockedByTask(sums);
        if (pressedNanos != 0) {
            sums.put(0, pressedNanos);
        }
        for (TaskWriter writer : foreignWriters) {
            writer.outbox().addBlockedByTask(sums);
        }
        return sums;
    }

    /** Whether prepare or open has been called on the tasks. Thread: any. */
    public final boolean isPrepared() {
        return prepared;
    }

    final GeneralTopologyContext tupleContext() {
        return services.tupleContext();
    }

    abstract TaskWriter writerOf(int task);
}
