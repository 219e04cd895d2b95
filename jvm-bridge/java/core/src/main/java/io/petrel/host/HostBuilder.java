package io.petrel.host;

import io.petrel.host.codec.KryoOpaqueCodec;
import io.petrel.host.grouping.Grouper;
import io.petrel.host.grouping.Groupers;
import io.petrel.host.grouping.GroupingSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.storm.generated.Bolt;
import org.apache.storm.generated.ComponentCommon;
import org.apache.storm.generated.GlobalStreamId;
import org.apache.storm.generated.Grouping;
import org.apache.storm.generated.SpoutSpec;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.generated.StreamInfo;
import org.apache.storm.hooks.ITaskHook;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.tuple.Fields;

/** Builds the executors of a host from the plan and the submitted topology. Thread: the main thread, once. */
final class HostBuilder {
    private static final String ACKER = "__acker";
    private static final String SYSTEM = "__system";
    /** All input queues together may take this share of the heap. */
    private static final int HEAP_SHARE = 4;

    private static final long MIN_QUEUE_BYTES = 256 * 1024;
    private static final long MAX_QUEUE_BYTES = 32 * 1024 * 1024;

    private final Plan plan;
    private final ApiLine api;
    private final HostClock clock;
    private final LongSupplier seeds;
    private final HostLink link;
    private final ErrorSink errors;
    private final HostTimer timer;
    private final Supplier<Parker> parkers;
    private final long queueLimit;
    /** The same without the room for heavy tuples: what a call may leave behind and a cycle may hold goes by it. */
    private final long usualLimit;
    private final Map<String, Object> conf;
    private final StormTopology user;
    private final StormTopology system;
    private final Map<Integer, String> taskToComponent;
    private final Map<String, List<Integer>> componentToTasks = new TreeMap<>();
    private final Pressure pressure;
    private final List<Executor> executors = new ArrayList<>();
    private final List<Plan.LocalExecutor> idle = new ArrayList<>();
    private final List<RemoteExecutor> remote = new ArrayList<>();
    private WorkerTopologyContext workerContext;
    private Services services;

    HostBuilder(
            Plan plan, byte[] topology, Map<String, Object> conf, ApiLine api, HostClock clock, LongSupplier seeds, HostLink link,
            ErrorSink errors, HostTimer timer, Supplier<Parker> parkers, long queueLimitOverride) {
        this.plan = plan;
        this.conf = conf;
        this.api = api;
        this.clock = clock;
        this.seeds = seeds;
        this.link = link;
        this.errors = errors;
        this.timer = timer;
        this.parkers = parkers;
        pressure = new Pressure(plan.hosts().size() > 1 ? link::pressure : bits -> {});
        user = api.parseTopology(topology, conf);
        system = api.systemTopology(conf, user);
        taskToComponent = new TreeMap<>(api.taskInfo(user, conf));
        PlanCheck.compare(plan, taskToComponent);
        for (Map.Entry<Integer, String> entry : taskToComponent.entrySet()) {
            componentToTasks.computeIfAbsent(entry.getValue(), name -> new ArrayList<>()).add(entry.getKey());
        }
        queueLimit = queueLimitOverride > 0
                ? queueLimitOverride
                : Math.max(MIN_QUEUE_BYTES, Math.min(MAX_QUEUE_BYTES,
                        Runtime.getRuntime().maxMemory() / HEAP_SHARE / Math.max(1, plan.executors().size())));
        usualLimit = Math.min(queueLimit, ObjectQueue.USUAL_BYTES);
    }

    void build() {
        List<Integer> workerTasks = workerTasks();
        workerContext = api.openWorker(new WorkerParts(
                plan, conf, user, system, taskToComponent, componentToTasks, streamFields(), workerTasks));
        services = new Services(
                clock, seeds, api, link, timer, errors, topologyTables(), workerContext, conf, plan.incarnation(),
                plan.hosts().size() > 1 ? link : null, streamTable(), () -> new KryoOpaqueCodec(conf), pressure);
        for (Plan.LocalExecutor local : plan.executors()) {
            if (local.component().equals(ACKER)) {
                // The ledger does the ackers' work; their ids exist and nothing is sent to them.
                idle.add(local);
            } else {
                // The name as tuples of other hosts carry it: counters compare references first.
                add(taskToComponent.get(local.firstTask()), local.firstTask(), local.lastTask());
            }
        }
        Object systemBolt = api.systemBolt();
        if (systemBolt != null) {
            add(SYSTEM, Ticks.SYSTEM_TASK, Ticks.SYSTEM_TASK);
        }
        connect();
    }

    List<Executor> executors() {
        return executors;
    }

    Pressure pressure() {
        return pressure;
    }

    List<Plan.LocalExecutor> idle() {
        return idle;
    }

    /** Tasks of other hosts that tuples of this host may go to. */
    int[] remoteTasks() {
        return remote.stream()
                .flatMapToInt(executor -> java.util.stream.IntStream.rangeClosed(executor.firstTask, executor.lastTask))
                .toArray();
    }

    /** An executor of another host; its tasks have one destination each, which share a group. */
    private record RemoteExecutor(String component, int firstTask, int lastTask, int firstDestination) {}

    private List<Integer> workerTasks() {
        List<Integer> tasks = new ArrayList<>();
        tasks.add(Ticks.SYSTEM_TASK);
        for (Plan.LocalExecutor local : plan.executors()) {
            for (int task = local.firstTask(); task <= local.lastTask(); task++) {
                if (!local.component().equals(taskToComponent.get(task))) {
                    throw new IllegalStateException("the plan has an executor of " + local.component() + " with task "
                            + task + ", which belongs to " + taskToComponent.get(task));
                }
                tasks.add(task);
            }
        }
        Collections.sort(tasks);
        return tasks;
    }

    private Topology topologyTables() {
        int last = 0;
        for (int task : taskToComponent.keySet()) {
            last = Math.max(last, task);
        }
        String[] components = new String[last + 1];
        int[] executorOf = new int[last + 1];
        Arrays.fill(executorOf, -1);
        for (Map.Entry<Integer, String> entry : taskToComponent.entrySet()) {
            if (entry.getKey() >= 0) {
                components[entry.getKey()] = entry.getValue();
            }
        }
        int index = 0;
        for (Plan.LocalExecutor local : plan.executors()) {
            if (!local.component().equals(ACKER)) {
                Arrays.fill(executorOf, local.firstTask(), local.lastTask() + 1, index);
                index++;
            }
        }
        int localExecutors = index + (api.systemBolt() == null ? 0 : 1);
        long[] masks = new long[last + 1];
        index = localExecutors;
        for (Plan.HostTasks host : plan.hosts()) {
            for (Plan.TaskRange range : host.slot() == plan.slot() ? List.<Plan.TaskRange>of() : host.executors()) {
                String component = componentOf(range, last);
                if (component.equals(ACKER) || system.get_spouts().containsKey(component)) {
                    continue;
                }
                remote.add(new RemoteExecutor(component, range.firstTask(), range.lastTask(), index));
                for (int task = range.firstTask(); task <= range.lastTask(); task++) {
                    executorOf[task] = index++;
                    masks[task] = 1L << (host.slot() & 63);
                }
            }
        }
        return new Topology(components, executorOf, localExecutors, masks);
    }

    private String componentOf(Plan.TaskRange range, int last) {
        String component = taskToComponent.get(range.firstTask());
        if (component == null || range.lastTask() > last || !component.equals(taskToComponent.get(range.lastTask()))) {
            throw new IllegalStateException("the plan has an executor of the tasks " + range.firstTask() + " to "
                    + range.lastTask() + ", which are not tasks of one component");
        }
        return component;
    }

    private StreamTable streamTable() {
        Map<String, Map<String, List<String>>> streams = new HashMap<>();
        for (String component : componentNames()) {
            Map<String, List<String>> fields = new HashMap<>();
            common(component).get_streams().forEach((name, info) -> fields.put(name, info.get_output_fields()));
            streams.put(component, fields);
        }
        return new StreamTable(streams);
    }

    private void add(String component, int firstTask, int lastTask) {
        boolean spout = system.get_spouts().containsKey(component);
        Map<String, Object> componentConf = api.componentConf(conf, common(component).get_json_conf());
        ExecutorSpec spec =
                new ExecutorSpec(component, firstTask, lastTask, spout, componentConf, queueLimit, 2 * usualLimit);
        ExecutorParts parts = new ExecutorParts();
        Executor executor = spout
                ? new SpoutExecutor(spec, services, parts, parkers.get())
                : new BoltExecutor(spec, services, parts, parkers.get());
        boolean debug = Conf.bool(componentConf, "topology.debug", false);
        for (int id = firstTask; id <= lastTask; id++) {
            TopologyContext context = api.taskContext(id, user, parts);
            addHooks(context, componentConf);
            Object object = component.equals(SYSTEM) ? api.systemBolt() : api.instantiate(system, component);
            executor.addTask(new Task(id, component, object, context, debug));
        }
        executors.add(executor);
    }

    private void addHooks(TopologyContext context, Map<String, Object> componentConf) {
        Object hooks = componentConf.get("topology.auto.task.hooks");
        if (!(hooks instanceof List)) {
            return;
        }
        for (Object name : (List<?>) hooks) {
            try {
                context.addTaskHook(
                        (ITaskHook) Class.forName(name.toString()).getDeclaredConstructor().newInstance());
            } catch (ReflectiveOperationException e) {
                throw new RuntimeException("Failed to add hook: " + name, e);
            }
        }
    }

    private void connect() {
        Map<String, List<String>> targets = targetsOf();
        Cycles cycles = new Cycles(targets);
        control(cycles);
        long seed = seeds.getAsLong();
        int markers = (int) executors.stream().filter(executor -> !executor.spec().component().equals(SYSTEM)).count();
        DrainCount drained = new DrainCount(markers, link);
        for (Executor executor : executors) {
            boolean[] first = {true};
            executor.connect(destinations(executor, cycles), () -> {
                long base = first[0] ? seed : seeds.getAsLong();
                first[0] = false;
                return routes(executor.spec(), base);
            });
            String component = executor.spec().component();
            if (!component.equals(SYSTEM)) {
                executor.expectMarkers(sourceTasks(component, targets, cycles),
                        markerDestinations(component, targets, cycles), drained::came);
            }
        }
    }

    /** Water marks and rooms of the queues. */
    private void control(Cycles cycles) {
        boolean spouts = spoutBackPressure(conf);
        long inCycles = executors.stream().filter(executor -> cycles.number(executor.spec().component()) >= 0).count();
        long most = Conf.integer(conf, CycleRoom.SETTING, Math.max(2 * usualLimit,
                Runtime.getRuntime().maxMemory() / HEAP_SHARE / Math.max(1, inCycles)));
        for (Executor executor : executors) {
            if (!(executor instanceof BoltExecutor) || executor.spec().component().startsWith("__")) {
                continue;
            }
            List<WaterMark> marks = new ArrayList<>();
            if (spouts) {
                marks.add(new WaterMark(ObjectQueue::fullness, ObjectQueue.FULL / 2, ObjectQueue.FULL / 4, pressure,
                        Pressure.SPOUTS));
            }
            int cycle = cycles.number(executor.spec().component());
            if (cycle >= 0) {
                int bit = Pressure.cycleBit(cycle);
                marks.add(new WaterMark(ObjectQueue::innerBytes, usualLimit, usualLimit / 2, pressure, bit));
                ((BoltExecutor) executor).inCycle(bit);
                executor.room(new CycleRoom(executor.queue(), most, executor.spec(), services));
            }
            executor.queue().watch(marks.toArray(new WaterMark[0]));
        }
        pressure.onRelease(() -> executors.forEach(Executor::pressureFell));
    }

    private static boolean spoutBackPressure(Map<String, Object> conf) {
        String mode = Conf.text(conf, "petrel.flow.control", "credit");
        if (!mode.equals("credit") && !mode.equals("spout_back_pressure")) {
            throw new IllegalArgumentException(
                    "petrel.flow.control is '" + mode + "'; set it to credit or to spout_back_pressure");
        }
        return mode.equals("spout_back_pressure");
    }

    private Destination[] destinations(Executor executor, Cycles cycles) {
        String from = executor.spec().component();
        List<Destination> destinations = new ArrayList<>();
        for (Executor to : executors) {
            destinations.add(new LocalDestination(to.queue(), destinations.size(), to.spec().firstTask(),
                    cycles.inner(from, to.spec().component()), to.room()));
        }
        int group = destinations.size();
        for (RemoteExecutor to : remote) {
            boolean inner = cycles.inner(from, to.component);
            for (int task = to.firstTask; task <= to.lastTask; task++) {
                destinations.add(new RemoteDestination(services.links(), clock, executor.creditNews(),
                        executor.spec().firstTask(), group, task, inner));
            }
            group++;
        }
        return destinations.toArray(new Destination[0]);
    }

    /** The tasks whose markers an executor of the component waits for. The system bolt is in every host and has no end. */
    private Set<Integer> sourceTasks(String component, Map<String, List<String>> targets, Cycles cycles) {
        Set<Integer> tasks = new TreeSet<>();
        targets.forEach((from, to) -> {
            if (to.contains(component) && !from.equals(SYSTEM) && !cycles.inner(from, component)) {
                tasks.addAll(componentToTasks.getOrDefault(from, List.of()));
            }
        });
        return tasks;
    }

    /** One destination for each executor behind the component. */
    private int[] markerDestinations(String component, Map<String, List<String>> targets, Cycles cycles) {
        List<String> behind = targets.getOrDefault(component, List.of());
        List<Integer> result = new ArrayList<>();
        for (int i = 0; i < executors.size(); i++) {
            String to = executors.get(i).spec().component();
            if (behind.contains(to) && !cycles.inner(component, to)) {
                result.add(i);
            }
        }
        for (RemoteExecutor to : remote) {
            if (behind.contains(to.component) && !cycles.inner(component, to.component)) {
                result.add(to.firstDestination);
            }
        }
        return result.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Components to the components that subscribe to them. */
    private Map<String, List<String>> targetsOf() {
        Map<String, List<String>> targets = new HashMap<>();
        for (String to : componentNames()) {
            for (GlobalStreamId stream : inputs(to).keySet()) {
                if (!to.equals(ACKER) && !stream.get_streamId().startsWith("__ack_")) {
                    targets.computeIfAbsent(stream.get_componentId(), name -> new ArrayList<>()).add(to);
                }
            }
        }
        return targets;
    }

    /** The routes of one writer of an executor: a grouper per stream and subscribing component. */
    private Map<String, Route> routes(ExecutorSpec spec, long seed) {
        Map<String, Route> routes = new HashMap<>();
        for (Map.Entry<String, StreamInfo> stream : common(spec.component()).get_streams().entrySet()) {
            GlobalStreamId id = new GlobalStreamId(spec.component(), stream.getKey());
            Map<String, Grouper> groupers = new LinkedHashMap<>();
            for (String to : componentNames()) {
                Grouping grouping = to.equals(ACKER) ? null : inputs(to).get(id);
                if (grouping != null) {
                    groupers.put(to, grouper(spec, id, stream.getValue(), to, grouping, seed));
                }
            }
            routes.put(stream.getKey(), new Route(stream.getKey(),
                    services.streams().index(spec.component(), stream.getKey()), groupers));
        }
        return routes;
    }

    private Grouper grouper(
            ExecutorSpec spec, GlobalStreamId id, StreamInfo stream, String to, Grouping grouping, long seed) {
        int[] targets = componentToTasks.getOrDefault(to, List.of()).stream().mapToInt(Integer::intValue).toArray();
        int[] local = nearest(targets);
        boolean loadAware = !Conf.bool(conf, "topology.disable.loadaware.messaging", false);
        try {
            return Groupers.create(GroupingSpec.fromThrift(
                    grouping, stream.get_output_fields(), targets, local, loadAware, api::customGrouping, workerContext,
                    id, Groupers.seed(seed, spec.firstTask(), id.get_streamId(), to))
                    .withBounds(Conf.decimal(conf, "topology.localityaware.higher.bound", 0.8),
                            Conf.decimal(conf, "topology.localityaware.lower.bound", 0.2)));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "subscription of " + to + " to stream '" + id.get_streamId() + "' of " + id.get_componentId() + ": "
                            + e.getMessage(), e);
        }
    }

    /** The targets in this host, or else those in its container: what Storm calls the same worker. */
    private int[] nearest(int[] targets) {
        int[] here = Arrays.stream(targets).filter(task -> services.topology().isLocal(task)).toArray();
        if (here.length != 0) {
            return here;
        }
        return plan.containers().stream()
                .filter(container -> container.id() == plan.containerId())
                .flatMapToInt(container -> Arrays.stream(container.tasks()))
                .filter(task -> Arrays.stream(targets).anyMatch(target -> target == task))
                .toArray();
    }

    private List<String> componentNames() {
        List<String> names = new ArrayList<>(system.get_spouts().keySet());
        names.addAll(system.get_bolts().keySet());
        Collections.sort(names);
        return names;
    }

    private Map<GlobalStreamId, Grouping> inputs(String component) {
        Map<GlobalStreamId, Grouping> inputs = common(component).get_inputs();
        return inputs == null ? Map.of() : inputs;
    }

    private ComponentCommon common(String component) {
        SpoutSpec spout = system.get_spouts().get(component);
        if (spout != null) {
            return spout.get_common();
        }
        Bolt bolt = system.get_bolts().get(component);
        if (bolt == null) {
            throw new IllegalStateException("the plan has component " + component + ", the topology has not");
        }
        return bolt.get_common();
    }

    private Map<String, Map<String, Fields>> streamFields() {
        Map<String, Map<String, Fields>> result = new HashMap<>();
        for (String component : componentNames()) {
            Map<String, Fields> streams = new HashMap<>();
            for (Map.Entry<String, StreamInfo> stream : common(component).get_streams().entrySet()) {
                streams.put(stream.getKey(), new Fields(stream.getValue().get_output_fields()));
            }
            result.put(component, streams);
        }
        return result;
    }
}
