package io.petrel.host.sim;

import io.petrel.host.ApiLine;
import io.petrel.host.BoltExecutor;
import io.petrel.host.ErrorSink;
import io.petrel.host.Executor;
import io.petrel.host.ExecutorParts;
import io.petrel.host.ExecutorSpec;
import io.petrel.host.HostTimer;
import io.petrel.host.Parker;
import io.petrel.host.Pressure;
import io.petrel.host.Services;
import io.petrel.host.SimBridge;
import io.petrel.host.SpoutExecutor;
import io.petrel.host.Task;
import io.petrel.host.StreamTable;
import io.petrel.host.Topology;
import io.petrel.host.TupleBatch;
import io.petrel.host.grouping.Grouper;
import io.petrel.host.grouping.GroupingSpec;
import io.petrel.host.sim.SimPlan.Component;
import io.petrel.host.sim.SimPlan.Edge;
import io.petrel.host.testkit.ManualClock;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeSet;
import org.apache.storm.task.IBolt;

/**
 * One schedule: the executors of a random topology in one to three hosts, stepped in random order by one thread, with a manual
 * clock, a ledger and links in Java. Everything follows from the seed.
 */
final class SimWorld {
    private static final int MAX_NODES = 250;
    private static final int MAX_NODES_BURSTY = 2500;
    private static final int MAX_STEPS = 6000;
    private static final int MAX_ROUNDS = 20_000;
    private static final int MAX_CHARGE = 900;
    private static final String NOBODY = "nobody";

    final Random random;
    final ManualClock clock = new ManualClock();
    final Model model;
    final boolean acking;
    boolean finishing;
    private final Mutation mutation;
    private final SimPlan plan;
    private final SimLedger ledger;
    private final SimLinks links;
    private final int hosts;
    /** By host. */
    private final List<HostTimer> timers = new ArrayList<>();
    private final List<Services> services = new ArrayList<>();
    /** By executor. */
    private final List<Integer> hostOf = new ArrayList<>();
    private final long[] drainedEpoch;
    private long epoch;
    private boolean draining;
    private final Map<String, Object> conf = new HashMap<>();
    private final List<Executor> executors = new ArrayList<>();
    private final List<Component> componentOf = new ArrayList<>();
    private final Map<Integer, Integer> executorOfTask = new HashMap<>();
    private final List<SimComponents.Spout> spouts = new ArrayList<>();
    private final List<SimComponents.Bolt> bolts = new ArrayList<>();
    private final List<Executor> executorOfBolt = new ArrayList<>();
    private final List<Grouper> loadAware = new ArrayList<>();
    private final List<Executor> stack = new ArrayList<>();
    private final Map<String, Edge> edges = new HashMap<>();
    private final Map<Component, List<String>> streams = new HashMap<>();
    private final int[] weights;
    private final long timeoutNanos;
    private final int maxPending;
    private final long queueLimit;
    private final long hardCap;
    private final boolean bursty;
    private boolean active = true;
    private int nodes;
    private int parks;

    SimWorld(long seed, Mutation mutation) throws Exception {
        this.random = new Random(seed * 0x9E3779B97F4A7C15L);
        this.mutation = mutation;
        plan = new SimPlan(random);
        acking = random.nextInt(10) != 0;
        int timeoutSeconds = 1 + random.nextInt(5);
        timeoutNanos = timeoutSeconds * 1_000_000_000L;
        maxPending = random.nextInt(3) == 0 ? 0 : 1 + random.nextInt(20);
        queueLimit = new long[] {600, 3000, 30_000}[random.nextInt(3)];
        hardCap = new long[] {100, 2000, 1 << 20}[random.nextInt(3)];
        bursty = random.nextInt(15) == 0;
        model = new Model(timeoutNanos, acking);
        ledger = new SimLedger(random, mutation);
        hosts = 1 + random.nextInt(3);
        long window = new long[] {100, 2000, 50_000}[random.nextInt(3)];
        links = new SimLinks(random, mutation, window, task -> executors.get(executorOfTask.get(task)));
        conf.put("topology.message.timeout.secs", timeoutSeconds);
        conf.put("topology.max.spout.pending", maxPending == 0 ? null : maxPending);
        conf.put("topology.acker.executors", acking ? 1 : 0);
        conf.put("topology.stats.sample.rate", random.nextBoolean() ? 1.0 : 0.05);
        for (Edge edge : plan.edges) {
            edges.put(edge.from().name + "/" + edge.stream() + "/" + edge.to().name, edge);
            List<String> names = streams.computeIfAbsent(edge.from(), c -> new ArrayList<>());
            if (!names.contains(edge.stream())) {
                names.add(edge.stream());
            }
        }
        placeExecutors();
        for (int host = 0; host < hosts; host++) {
            timers.add(new HostTimer(clock));
            services.add(newServices(host));
        }
        drainedEpoch = new long[hostOf.size()];
        build();
        weights = new int[executors.size()];
        for (int i = 0; i < weights.length; i++) {
            // Some executors are much slower than others.
            weights[i] = new int[] {1, 10, 40}[random.nextInt(3)];
        }
        for (Executor executor : executors) {
            executor.setActive(true);
            executor.init();
        }
    }

    // --- building ----------------------------------------------------------------------------------------------------

    private void placeExecutors() {
        for (Component component : plan.components) {
            for (int part = 0; part < component.executors; part++) {
                for (int i = first(component, part); i < first(component, part + 1); i++) {
                    executorOfTask.put(component.firstTask + i, hostOf.size());
                }
                hostOf.add(random.nextInt(hosts));
            }
        }
    }

    private Services newServices(int host) {
        String[] names = new String[plan.lastTask() + 1];
        int[] destinationOf = new int[names.length];
        long[] masks = new long[names.length];
        destinationOf[0] = -1;
        int local = (int) hostOf.stream().filter(other -> other == host).count();
        int next = local;
        int[] localIndex = new int[hostOf.size()];
        for (int i = 0, n = 0; i < localIndex.length; i++) {
            localIndex[i] = hostOf.get(i) == host ? n++ : -1;
        }
        for (int task = 1; task < names.length; task++) {
            names[task] = plan.of(task).name;
            int executor = executorOfTask.get(task);
            boolean here = hostOf.get(executor) == host;
            destinationOf[task] = here ? localIndex[executor] : next++;
            masks[task] = here ? 0 : 1L << hostOf.get(executor);
        }
        ErrorSink errors = new ErrorSink() {
            @Override
            public void report(String component, int task, Throwable error) {
                throw new AssertionError(error);
            }

            @Override
            public void die(String component, int task, Throwable error) {
                throw new AssertionError(error);
            }
        };
        Map<String, Map<String, List<String>>> streamFields = new HashMap<>();
        for (Component component : plan.components) {
            Map<String, List<String>> fields = new HashMap<>();
            for (String stream : List.of("s0", "s1", "chain", SimPlan.DIRECT, SimPlan.BACK, NOBODY)) {
                fields.put(stream, List.of("key", "node", "filler"));
            }
            streamFields.put(component.name, fields);
        }
        SimCodec codec = host == 0 ? new SimCodec() : (SimCodec) services.get(0).codecs().get();
        return new Services(clock, random::nextLong, SimStorm.api(), ledger, timers.get(host), errors,
                new Topology(names, destinationOf, local, masks), SimStorm.CONTEXT, conf, 1,
                hosts > 1 ? links.of(host) : null, new StreamTable(streamFields), () -> codec, new Pressure(bits -> { }));
    }

    private static int first(Component component, int part) {
        return component.tasks * part / component.executors;
    }

    private void build() {
        for (Component component : plan.components) {
            for (int part = 0; part < component.executors; part++) {
                addExecutor(component, component.firstTask + first(component, part),
                        component.firstTask + first(component, part + 1) - 1);
            }
        }
        for (int i = 0; i < executors.size(); i++) {
            Component from = componentOf.get(i);
            List<SimBridge.Target> targets = new ArrayList<>();
            Map<Integer, Integer> indexOfTask = new HashMap<>();
            for (int to = 0; to < executors.size(); to++) {
                if (hostOf.get(to) == hostOf.get(i).intValue()) {
                    indexOfTask.put(executors.get(to).spec().firstTask(), targets.size());
                    targets.add(new SimBridge.Target(
                            executors.get(to).queue(), to, executors.get(to).spec().firstTask(), inner(from, to)));
                }
            }
            for (int task = 1; task <= plan.lastTask(); task++) {
                int to = executorOfTask.get(task);
                if (hostOf.get(to) != hostOf.get(i).intValue()) {
                    indexOfTask.put(task, targets.size());
                    targets.add(new SimBridge.Target(null, to, task, inner(from, to)));
                }
            }
            int firstTask = executors.get(i).spec().firstTask();
            SimBridge.connect(executors.get(i), targets, services.get(hostOf.get(i)), () -> groupers(from, firstTask));
            expectMarkers(i, indexOfTask);
        }
        for (int host = 0; host < hosts; host++) {
            List<Executor> local = new ArrayList<>();
            for (int i = 0; i < executors.size(); i++) {
                if (hostOf.get(i) == host) {
                    local.add(executors.get(i));
                }
            }
            timers.get(host).sweep(local);
        }
    }

    private boolean inner(Component from, int to) {
        return plan.inCycle(from) && plan.inCycle(componentOf.get(to));
    }

    private void expectMarkers(int index, Map<Integer, Integer> indexOfTask) {
        Component component = componentOf.get(index);
        Set<Integer> sources = new TreeSet<>();
        Set<Integer> behind = new TreeSet<>();
        for (Edge edge : plan.edges) {
            if (edge.to() == component && !edge.inner()) {
                for (int task : edge.from().taskIds()) {
                    sources.add(task);
                }
            }
            if (edge.from() == component && !edge.inner()) {
                for (int to = 0; to < executors.size(); to++) {
                    if (componentOf.get(to) == edge.to()) {
                        behind.add(indexOfTask.get(executors.get(to).spec().firstTask()));
                    }
                }
            }
        }
        SimBridge.expectMarkers(executors.get(index), sources, behind.stream().mapToInt(Integer::intValue).toArray(),
                drained -> drained(index, drained));
    }

    /** Nothing may come any more when an executor has the markers of all its sources. */
    private void drained(int index, long ofEpoch) {
        if (ofEpoch <= drainedEpoch[index]) {
            throw new Violation("DRAIN", executors.get(index).spec().name() + " says twice that it is drained");
        }
        drainedEpoch[index] = ofEpoch;
        if (draining && ofEpoch == epoch && plan.cycleTo == plan.cycleFrom) {
            ExecutorSpec spec = executors.get(index).spec();
            model.checkDrained(spec.firstTask(), spec.lastTask());
        }
    }

    private void addExecutor(Component component, int firstTask, int lastTask) {
        ExecutorSpec spec = new ExecutorSpec(
                component.name, firstTask, lastTask, component.spout, conf, queueLimit, hardCap);
        int index = executors.size();
        Parker parker = new Parker() {
            @Override
            public void park(long nanos) {
                blocked(index);
            }

            @Override
            public void unpark() {}
        };
        Executor executor = component.spout
                ? new SpoutExecutor(spec, services.get(hostOf.get(index)), new ExecutorParts(), parker)
                : new BoltExecutor(spec, services.get(hostOf.get(index)), new ExecutorParts(), parker);
        for (int task = firstTask; task <= lastTask; task++) {
            Object object = userObject(component, task, executor);
            executor.addTask(new Task(task, component.name, object, SimStorm.CONTEXT, false));
        }
        executors.add(executor);
        componentOf.add(component);
    }

    private Object userObject(Component component, int task, Executor executor) {
        if (component.spout) {
            int roots = 1 + random.nextInt(bursty ? 800 : 25);
            SimComponents.Spout spout = new SimComponents.Spout(this, component, task, roots);
            spouts.add(spout);
            return spout;
        }
        SimComponents.Bolt bolt = new SimComponents.Bolt(this, component, task);
        bolts.add(bolt);
        executorOfBolt.add(executor);
        IBolt object = bolt;
        if (mutation == Mutation.DROP || mutation == Mutation.DUPLICATE || mutation == Mutation.REORDER) {
            object = new SimComponents.MutantBolt(bolt, mutation);
        }
        return object;
    }

    private Map<String, Map<String, Grouper>> groupers(Component from, int firstTask) {
        Map<String, Map<String, Grouper>> result = new LinkedHashMap<>();
        result.put(NOBODY, new LinkedHashMap<>());
        for (Edge edge : plan.outputs(from)) {
            Grouper grouper = SimStorm.grouper(edge, firstTask, random);
            if (mutation == Mutation.WRONG_TASK && edge.kind() == GroupingSpec.Kind.FIELDS) {
                grouper = SimStorm.wrongNowAndThen(grouper, edge.to().taskIds(), random);
            }
            if (grouper.usesLoad()) {
                loadAware.add(grouper);
            }
            result.computeIfAbsent(edge.stream(), s -> new LinkedHashMap<>()).put(edge.to().name, grouper);
        }
        return result;
    }

    // --- what user code asks ----------------------------------------------------------------------------------------

    boolean mayEmit() {
        return !finishing && ++nodes < (bursty ? MAX_NODES_BURSTY : MAX_NODES);
    }

    /** Emits of one call: usually fewer than {@code most}, now and then more than queues take. */
    int emits(int most) {
        return bursty && random.nextInt(20) == 0 ? 200 + random.nextInt(300) : random.nextInt(most);
    }

    String randomKey() {
        return "key" + random.nextInt(6);
    }

    String filler() {
        return "x".repeat(random.nextInt(10) == 0 ? random.nextInt(200) : 0);
    }

    Edge edge(String from, String stream, Component to) {
        return edges.get(from + "/" + stream + "/" + to.name);
    }

    /** A stream to emit on; none when the component has none. Tuples that are at their end do not go back. */
    String randomStream(Component from, boolean end) {
        List<String> names = streams.getOrDefault(from, List.of());
        if (names.isEmpty() || random.nextInt(20) == 0) {
            return from.spout || random.nextBoolean() ? NOBODY : null;
        }
        String name = names.get(random.nextInt(names.size()));
        return end && name.equals(SimPlan.BACK) ? null : name;
    }

    /** The task to emit to on a direct stream; 0 on others. */
    int directTarget(Component from, String stream) {
        if (!stream.equals(SimPlan.DIRECT)) {
            return 0;
        }
        List<Edge> direct = new ArrayList<>();
        for (Edge edge : plan.outputs(from)) {
            if (edge.stream().equals(stream)) {
                direct.add(edge);
            }
        }
        int[] tasks = direct.get(random.nextInt(direct.size())).to().taskIds();
        return tasks[random.nextInt(tasks.length)];
    }

    /** Time passes inside user code, and the host's timer may look in. */
    void userCode() {
        if (random.nextInt(10) == 0) {
            clock.advanceNanos(random.nextInt(2_000_000));
            runTimers();
        }
    }

    private void runTimers() {
        timers.forEach(timer -> timer.runDue(clock.nanos()));
    }

    void checkPending(Component component, int task) {
        Executor executor = executors.get(executorOfTask.get(task));
        int limit = maxPending * executor.spec().tasks();
        if (acking && limit > 0 && task == executor.spec().firstTask() && SimBridge.pending(executor) >= limit) {
            throw new Violation("PENDING", "nextTuple with " + SimBridge.pending(executor) + " pending of " + limit);
        }
    }

    /** A writer above its hard cap waits for credit: its successors go on, and nobody else has to. */
    private void blocked(int index) {
        model.blockedWaits++;
        if (++parks > MAX_ROUNDS) {
            throw new Violation("DEADLOCK", executors.get(index).spec().name() + " waits for credit that never comes");
        }
        List<Integer> after = new ArrayList<>();
        for (int i = 0; i < executors.size(); i++) {
            if (componentOf.get(i).layer > componentOf.get(index).layer && !stack.contains(executors.get(i))) {
                after.add(i);
            }
        }
        if (after.isEmpty()) {
            throw new Violation("DEADLOCK", executors.get(index).spec().name() + " waits and has no successor");
        }
        clock.advanceNanos(10_000);
        links.pump(3);
        step(executors.get(after.get(random.nextInt(after.size()))));
    }

    // --- running -----------------------------------------------------------------------------------------------------

    void run() {
        int step = 0;
        for (; step < MAX_STEPS && !spouts.stream().allMatch(SimComponents.Spout::isDone); step++) {
            step(pick());
            clock.advanceNanos(random.nextInt(40_000));
            surroundings();
        }
        finish();
    }

    private Executor pick() {
        int sum = 0;
        for (int weight : weights) {
            sum += weight;
        }
        int at = random.nextInt(sum);
        int i = 0;
        while (at >= weights[i]) {
            at -= weights[i++];
        }
        return executors.get(i);
    }

    private boolean step(Executor executor) {
        stack.add(executor);
        try {
            boolean worked = executor.runOnce();
            parks = worked ? 0 : parks;
            return worked;
        } catch (Violation | RuntimeException e) {
            throw e;
        } catch (Exception e) {
            throw new IllegalStateException(e);
        } finally {
            stack.remove(stack.size() - 1);
            model.refusals += executor.outbox().hasRefused() ? 1 : 0;
            checkMemory(executor);
        }
    }

    private void checkMemory(Executor executor) {
        long slack = (long) TupleBatch.MAX_TUPLES * MAX_CHARGE;
        for (int i = 0; i < executors.size(); i++) {
            long bytes = executors.get(i).queue().bytes();
            if (bytes < 0 || !plan.inCycle(componentOf.get(i)) && bytes > queueLimit + slack) {
                throw new Violation("MEMORY", executors.get(i).spec().name() + " has " + bytes + " bytes queued");
            }
        }
        // The hard cap, and on top of it what was open for each destination.
        if (executor.outbox().refusedBytes() > hardCap + slack * (executors.size() + plan.lastTask())) {
            throw new Violation(
                    "MEMORY", executor.spec().name() + " keeps " + executor.outbox().refusedBytes() + " bytes");
        }
    }

    /** What other threads do meanwhile. */
    private void surroundings() {
        links.pump(random.nextInt(4));
        int what = random.nextInt(1000);
        if (what < 150) {
            ledger.drain(clock.nanos());
        } else if (what < 350) {
            deliver(1 + random.nextInt(5));
        } else if (what < 390) {
            foreignCall(random.nextInt(bolts.size()));
        } else if (what < 450) {
            runTimers();
        } else if (what < 460) {
            loadAware.forEach(grouper -> grouper.refreshLoad(task -> random.nextDouble()));
        } else if (what < 463) {
            clock.advanceNanos((long) (random.nextDouble() * timeoutNanos));
            ledger.expire(clock.nanos());
        } else if (what < 470) {
            setActive(!active);
        } else if (what < 500) {
            setActive(true);
        }
    }

    private void setActive(boolean on) {
        if (active && !on && random.nextBoolean()) {
            drain();
        }
        active = on;
        for (Executor executor : executors) {
            executor.setActive(on);
        }
    }

    private boolean deliver(int most) {
        boolean any = false;
        for (int i = 0; i < most; i++) {
            SimLedger.Done done = ledger.next();
            if (done == null) {
                break;
            }
            any = true;
            SimBridge.complete(executors.get(executorOfTask.get((int) (done.root() >>> 46))), done.root(), done.kind());
        }
        return any;
    }

    /** A thread of the user's settles what a bolt holds; it emits only where it would not wait. */
    private boolean foreignCall(int index) {
        SimComponents.Bolt bolt = bolts.get(index);
        if (!bolt.holds()) {
            return false;
        }
        boolean credit = true;
        for (Executor executor : executors) {
            credit &= executor.queue().bytes() + 10 * MAX_CHARGE < queueLimit;
        }
        boolean emit = credit && !finishing && (hosts == 1 || links.hasRoom(10 * MAX_CHARGE));
        SimStorm.onOtherThread(() -> bolt.foreignCall(emit));
        return true;
    }

    private void drain() {
        epoch++;
        for (Executor executor : executors) {
            SimBridge.drain(executor, epoch);
        }
    }

    /** With everything still on its way: when the markers are through, so is everything else. */
    private void checkDrain() {
        setActive(false);
        drain();
        draining = true;
        settle();
        draining = false;
        for (int i = 0; i < drainedEpoch.length; i++) {
            if (drainedEpoch[i] != epoch) {
                throw new Violation("DRAIN", executors.get(i).spec().name() + " never had all markers");
            }
        }
    }

    private void finish() {
        checkDrain();
        model.sections = links.sections;
        model.linkRefusals = links.refusals;
        finishing = true;
        spouts.forEach(SimComponents.Spout::finish);
        setActive(true);
        settle();
        for (int i = 0; i < bolts.size(); i++) {
            while (foreignCall(i)) {
                settle();
            }
        }
        // What was never acked comes back by its time-out; what came after that is forgotten.
        for (int round = 0; round < 2; round++) {
            clock.advanceNanos(timeoutNanos + 1);
            ledger.expire(clock.nanos());
            settle();
        }
        model.checkEnd();
        for (Executor executor : executors) {
            if (executor instanceof SpoutExecutor && SimBridge.pending(executor) != 0) {
                throw new Violation("QUIET", executor.spec().name() + " still has pending roots");
            }
        }
        if (ledger.trees() != 0) {
            throw new Violation("QUIET", "the ledger still has " + ledger.trees() + " trees");
        }
    }

    /** Runs everything until nothing moves any more. */
    private void settle() {
        int quiet = 0;
        for (int round = 0; quiet < 3; round++) {
            if (round > MAX_ROUNDS) {
                throw new Violation("DEADLOCK", "not quiet after " + round + " rounds");
            }
            boolean any = false;
            for (Executor executor : executors) {
                any |= step(executor);
            }
            clock.advanceNanos(1_000_000);
            runTimers();
            any |= links.pumpAll();
            ledger.drain(clock.nanos());
            any |= deliver(Integer.MAX_VALUE);
            any |= !ledger.isQuiet() || !links.isQuiet() || !executors.stream().allMatch(SimBridge::isDrained);
            quiet = any ? 0 : quiet + 1;
        }
    }
}
