package io.petrel.host;

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
import java.util.TreeMap;
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
    private static final long MAX_QUEUE_BYTES = 4 * 1024 * 1024;

    private final Plan plan;
    private final ApiLine api;
    private final HostClock clock;
    private final LongSupplier seeds;
    private final LedgerLink ledger;
    private final ErrorSink errors;
    private final HostTimer timer;
    private final Supplier<Parker> parkers;
    private final long queueLimit;
    private final Map<String, Object> conf;
    private final StormTopology user;
    private final StormTopology system;
    private final Map<Integer, String> taskToComponent;
    private final Map<String, List<Integer>> componentToTasks = new TreeMap<>();
    private final List<Executor> executors = new ArrayList<>();
    private final List<Plan.LocalExecutor> idle = new ArrayList<>();
    private WorkerTopologyContext workerContext;
    private Services services;

    HostBuilder(
            Plan plan, byte[] topology, Map<String, Object> conf, ApiLine api, HostClock clock, LongSupplier seeds, LedgerLink ledger,
            ErrorSink errors, HostTimer timer, Supplier<Parker> parkers, long queueLimitOverride) {
        this.plan = plan;
        this.conf = conf;
        this.api = api;
        this.clock = clock;
        this.seeds = seeds;
        this.ledger = ledger;
        this.errors = errors;
        this.timer = timer;
        this.parkers = parkers;
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
    }

    void build() {
        List<Integer> workerTasks = workerTasks();
        workerContext = api.openWorker(new WorkerParts(
                plan, conf, user, system, taskToComponent, componentToTasks, streamFields(), workerTasks));
        services = new Services(
                clock, seeds, api, ledger, timer, errors, topologyTables(), workerContext, conf, plan.incarnation(),
                1L << (plan.containerId() & 63));
        for (Plan.LocalExecutor local : plan.executors()) {
            if (local.component().equals(ACKER)) {
                // The ledger does the ackers' work; their ids exist and nothing is sent to them.
                idle.add(local);
            } else {
                add(local.component(), local.firstTask(), local.lastTask());
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

    List<Plan.LocalExecutor> idle() {
        return idle;
    }

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
        return new Topology(components, executorOf);
    }

    private void add(String component, int firstTask, int lastTask) {
        boolean spout = system.get_spouts().containsKey(component);
        Map<String, Object> componentConf = api.componentConf(conf, common(component).get_json_conf());
        ExecutorSpec spec =
                new ExecutorSpec(component, firstTask, lastTask, spout, componentConf, queueLimit, 2 * queueLimit);
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
        Cycles cycles = new Cycles(targetsOf());
        long seed = seeds.getAsLong();
        for (Executor executor : executors) {
            String from = executor.spec().component();
            Outbox.Destination[] destinations = new Outbox.Destination[executors.size()];
            for (int i = 0; i < destinations.length; i++) {
                Executor to = executors.get(i);
                destinations[i] = new Outbox.Destination(to.queue(), cycles.inner(from, to.spec().component()));
            }
            boolean[] first = {true};
            executor.connect(destinations, () -> {
                long base = first[0] ? seed : seeds.getAsLong();
                first[0] = false;
                return routes(executor.spec(), base);
            });
        }
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
            routes.put(stream.getKey(), new Route(stream.getKey(), groupers));
        }
        return routes;
    }

    private Grouper grouper(
            ExecutorSpec spec, GlobalStreamId id, StreamInfo stream, String to, Grouping grouping, long seed) {
        int[] targets = componentToTasks.getOrDefault(to, List.of()).stream().mapToInt(Integer::intValue).toArray();
        int[] local = Arrays.stream(targets).filter(task -> services.topology().isLocal(task)).toArray();
        boolean loadAware = !Conf.bool(conf, "topology.disable.loadaware.messaging", false);
        try {
            return Groupers.create(GroupingSpec.fromThrift(
                    grouping, stream.get_output_fields(), targets, local, loadAware, api::customGrouping, workerContext,
                    id, Groupers.seed(seed, spec.firstTask(), id.get_streamId(), to)));
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "subscription of " + to + " to stream '" + id.get_streamId() + "' of " + id.get_componentId() + ": "
                            + e.getMessage(), e);
        }
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
