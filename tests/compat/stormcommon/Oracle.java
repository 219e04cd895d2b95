import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.apache.storm.Config;
import org.apache.storm.Thrift;
import org.apache.storm.daemon.StormCommon;
import org.apache.storm.executor.Executor;
import org.apache.storm.executor.bolt.BoltExecutor;
import org.apache.storm.generated.Bolt;
import org.apache.storm.generated.ComponentCommon;
import org.apache.storm.generated.ComponentObject;
import org.apache.storm.generated.GlobalStreamId;
import org.apache.storm.generated.Grouping;
import org.apache.storm.generated.InvalidTopologyException;
import org.apache.storm.generated.JavaObject;
import org.apache.storm.generated.JavaObjectArg;
import org.apache.storm.generated.NullStruct;
import org.apache.storm.generated.ShellComponent;
import org.apache.storm.generated.SpoutSpec;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.generated.StreamInfo;
import org.apache.storm.grouping.PartialKeyGrouping;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.state.KeyValueState;
import org.apache.storm.streams.Pair;
import org.apache.storm.streams.StreamBuilder;
import org.apache.storm.streams.operations.mappers.ValueMapper;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.testing.TestWordCounter;
import org.apache.storm.testing.TestWordSpout;
import org.apache.storm.thrift.TSerializer;
import org.apache.storm.thrift.protocol.TBinaryProtocol;
import org.apache.storm.topology.BasicOutputCollector;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseBasicBolt;
import org.apache.storm.topology.base.BaseStatefulBolt;
import org.apache.storm.topology.base.BaseWindowedBolt;
import org.apache.storm.trident.TridentTopology;
import org.apache.storm.trident.operation.builtin.Count;
import org.apache.storm.trident.testing.FixedBatchSpout;
import org.apache.storm.trident.testing.MemoryMapState;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;
import org.apache.storm.utils.ObjectReader;
import org.apache.storm.utils.Utils;
import org.apache.storm.windowing.TupleWindow;
import org.objenesis.ObjenesisStd;

/**
 * Builds topologies with Storm's own builders and writes, for each, what a client would submit (NAME.thrift, NAME.conf.json)
 * and what Storm makes of it (NAME.expected.json): tasks, executors, streams, inputs and component confs.
 */
public final class Oracle {
    private final Path folder;
    private int written;

    private Oracle(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]);
        Files.createDirectories(folder);
        Oracle oracle = new Oracle(folder);
        oracle.parallelism();
        oracle.ackersLoggersConsumers();
        oracle.groupings();
        oracle.kinds();
        oracle.shapes();
        oracle.refusals();
        Files.writeString(folder.resolve("count"), String.valueOf(oracle.written));
    }

    // --- bolts ---------------------------------------------------------------------------------------------------------

    public static class Plain extends BaseBasicBolt {
        private final List<String> streams;

        public Plain(String... streams) {
            this.streams = new ArrayList<>(Arrays.asList(streams));
        }

        @Override
        public void execute(Tuple input, BasicOutputCollector collector) { }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("a", "b"));
            for (String stream : streams) {
                declarer.declareStream(stream, stream.startsWith("direct"), new Fields("of-" + stream));
            }
        }
    }

    public static class Windowed extends BaseWindowedBolt {
        @Override
        public void execute(TupleWindow window) { }
    }

    public static class Stateful extends BaseStatefulBolt<KeyValueState<String, String>> {
        @Override
        public void initState(KeyValueState<String, String> state) { }

        @Override
        public void execute(Tuple tuple) { }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("v"));
        }
    }

    public static class Shell extends ShellBolt implements IRichBolt {
        public Shell() {
            super("python3", "split.py");
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("word"));
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return Map.of("topology.tick.tuple.freq.secs", 3);
        }
    }

    // --- topologies ----------------------------------------------------------------------------------------------------

    private static TopologyBuilder words() {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("words", new TestWordSpout(), 2);
        builder.setBolt("counter", new TestWordCounter(), 3).fieldsGrouping("words", new Fields("word"));
        return builder;
    }

    private void parallelism() throws Exception {
        write("word_count", words().createTopology(), Map.of());
        TopologyBuilder tasks = words();
        tasks.setBolt("more", new Plain(), 3).setNumTasks(8).shuffleGrouping("counter");
        tasks.setBolt("fewer", new Plain(), 5).setNumTasks(2).shuffleGrouping("counter");
        tasks.setBolt("none", new Plain(), 2).setNumTasks(0).shuffleGrouping("counter");
        write("tasks_of_components", tasks.createTopology(), Map.of("topology.workers", 2));
        write("tasks_of_the_topology", tasks.createTopology(), Map.of("topology.tasks", 4));
        write("max_task_parallelism", tasks.createTopology(), Map.of("topology.max.task.parallelism", 2));
        TopologyBuilder own = words();
        own.setBolt("own", new Plain(), 6).setMaxTaskParallelism(5).shuffleGrouping("words");
        write("max_of_component", own.createTopology(), Map.of("topology.max.task.parallelism", 2));
        StormTopology unset = words().createTopology();
        unset.get_bolts().get("counter").get_common().unset_parallelism_hint();
        unset.get_bolts().get("counter").get_common().unset_json_conf();
        write("hint_unset", unset, Map.of());
        StormTopology zero = words().createTopology();
        zero.get_bolts().get("counter").get_common().set_parallelism_hint(0);
        write("hint_zero", zero, Map.of());
    }

    private void ackersLoggersConsumers() throws Exception {
        write("ackers_none", words().createTopology(), Map.of("topology.acker.executors", 0));
        write("ackers_of_workers", words().createTopology(), Map.of("topology.workers", 5));
        write("ackers_three", words().createTopology(), Map.of("topology.acker.executors", 3, "topology.workers", 2));
        write("message_timeout", words().createTopology(), Map.of("topology.message.timeout.secs", 77));
        write("event_loggers", words().createTopology(), Map.of("topology.eventlogger.executors", 2));
        Map<String, Object> nullLoggers = new HashMap<>(Map.of("topology.workers", 3));
        nullLoggers.put("topology.eventlogger.executors", null);
        write("event_loggers_of_workers", words().createTopology(), nullLoggers);
        Config consumers = new Config();
        consumers.registerMetricsConsumer(org.apache.storm.metric.LoggingMetricsConsumer.class, 2);
        consumers.registerMetricsConsumer(org.apache.storm.metric.LoggingMetricsConsumer.class, "x", 1);
        consumers.registerMetricsConsumer(org.apache.storm.metric.LoggingMetricsConsumer.class);
        consumers.setNumEventLoggers(1);
        write("metrics_consumers", words().createTopology(), consumers);
    }

    private void groupings() throws Exception {
        TopologyBuilder builder = words();
        builder.setBolt("source", new Plain("s1", "s2", "direct1")).shuffleGrouping("words");
        builder.setBolt("all", new Plain(), 2).allGrouping("source").allGrouping("source", "s1");
        builder.setBolt("global", new Plain(), 2).globalGrouping("source", "s2");
        builder.setBolt("none", new Plain()).noneGrouping("source");
        builder.setBolt("local", new Plain()).localOrShuffleGrouping("source");
        builder.setBolt("direct", new Plain(), 2).directGrouping("source", "direct1");
        builder.setBolt("partial", new Plain(), 3).partialKeyGrouping("source", new Fields("a"));
        builder.setBolt("custom", new Plain(), 3).customGrouping("source", new PartialKeyGrouping(new Fields("b")));
        builder.setBolt("fields", new Plain()).fieldsGrouping("source", new Fields("a", "b"));
        // Storm looks a field up in all streams of the source.
        builder.setBolt("fields of another stream", new Plain()).fieldsGrouping("source", "s1", new Fields("of-s2"));
        builder.setBolt("system streams", new Plain()).shuffleGrouping("words", "__system").shuffleGrouping("__system", "__tick");
        StormTopology topology = builder.createTopology();
        Grouping object = Grouping.custom_object(new JavaObject("my.Grouping", List.of(JavaObjectArg.int_arg(3))));
        topology.get_bolts().get("none").get_common().put_to_inputs(new GlobalStreamId("source", "s1"), object);
        write("all_groupings", topology, Map.of());
    }

    private void kinds() throws Exception {
        TopologyBuilder windowed = words();
        windowed.setBolt("window", new Windowed().withTumblingWindow(BaseWindowedBolt.Count.of(10))).shuffleGrouping("words");
        windowed.setBolt("sliding", new Windowed().withWindow(BaseWindowedBolt.Duration.seconds(10),
                BaseWindowedBolt.Duration.seconds(5)).withTimestampField("word").withLag(BaseWindowedBolt.Duration.seconds(1)), 2)
                .shuffleGrouping("words");
        write("windows", windowed.createTopology(), Map.of());
        TopologyBuilder stateful = words();
        stateful.setBolt("state", new Stateful(), 2).shuffleGrouping("words");
        stateful.setBolt("after", new Plain(), 2).shuffleGrouping("state");
        write("stateful", stateful.createTopology(), Map.of("topology.state.checkpoint.interval.ms", 500));
        TopologyBuilder shell = words();
        shell.setBolt("shell", new Shell(), 2).shuffleGrouping("words");
        write("shell_bolt", shell.createTopology(), Map.of());
        StormTopology raw = words().createTopology();
        raw.put_to_bolts("script", rawBolt(ComponentObject.shell(new ShellComponent("ruby", "x.rb")), 2));
        raw.put_to_bolts("object", rawBolt(ComponentObject.java_object(new JavaObject("my.Bolt",
                List.of(JavaObjectArg.string_arg("x"), JavaObjectArg.double_arg(1.5)))), 1));
        write("shell_and_java_object", raw, Map.of());
        write("trident", trident(), Map.of("topology.max.spout.pending", 5));
        StreamBuilder streams = new StreamBuilder();
        streams.newStream(new TestWordSpout(), new ValueMapper<String>(0), 2).mapToPair(w -> Pair.of(w, 1)).countByKey()
                .print();
        write("streams", streams.build(), Map.of());
    }

    private static Bolt rawBolt(ComponentObject object, int hint) {
        Map<GlobalStreamId, Grouping> inputs = new HashMap<>();
        inputs.put(new GlobalStreamId("words", "default"), Grouping.shuffle(new NullStruct()));
        ComponentCommon common = new ComponentCommon(inputs, Map.of("default", new StreamInfo(List.of("x"), false)));
        common.set_parallelism_hint(hint);
        return new Bolt(object, common);
    }

    private static StormTopology trident() {
        TridentTopology topology = new TridentTopology();
        FixedBatchSpout spout = new FixedBatchSpout(new Fields("word"), 3, new Values("a"), new Values("b"));
        topology.newStream("in", spout).parallelismHint(2).groupBy(new Fields("word"))
                .persistentAggregate(new MemoryMapState.Factory(), new Count(), new Fields("n")).parallelismHint(3);
        return topology.build();
    }

    private void shapes() throws Exception {
        TopologyBuilder unicode = new TopologyBuilder();
        String[] names = {"\u00e9t\u00e9", "\ud83d\ude00", "\uff21", "Z", "_x", "-1", "a b", "$(id)", "\u4e2d\u6587", "zz"};
        unicode.setSpout("\ud83d\udca7 source", new TestWordSpout());
        for (String name : names) {
            unicode.setBolt(name, new Plain("\u00fc", "\ud83d\ude00", "\uff21"), 2).shuffleGrouping("\ud83d\udca7 source");
        }
        unicode.setBolt("last", new Plain()).fieldsGrouping("\ud83d\ude00", "\uff21", new Fields("of-\uff21"));
        write("unicode", unicode.createTopology(), Map.of("\u00e9", "\ud83d\ude00"));
        TopologyBuilder cycle = words();
        cycle.setBolt("one", new Plain()).shuffleGrouping("words").shuffleGrouping("two");
        cycle.setBolt("two", new Plain()).shuffleGrouping("one").shuffleGrouping("two");
        write("cycle", cycle.createTopology(), Map.of());
        TopologyBuilder chain = words();
        for (int i = 0; i < 120; i++) {
            chain.setBolt("b" + i, new Plain(), 1 + i % 3).shuffleGrouping(i == 0 ? "words" : "b" + (i - 1));
        }
        write("chain", chain.createTopology(), Map.of("topology.workers", 4));
        TopologyBuilder confs = words();
        Map<String, Object> own = new LinkedHashMap<>();
        own.put("topology.debug", true);
        own.put("topology.message.timeout.secs", 3);
        own.put("topology.max.spout.pending", 12);
        own.put("topology.workers", 9);
        own.put("topology.tick.tuple.freq.secs", 4);
        own.put("my.list", Arrays.asList(1, 2.5, null, "x", 12345678901L));
        own.put("my.map", Map.of("k", Map.of("k", true)));
        own.put("topology.spout.wait.strategy", "my.Wait");
        own.put("topology.state.provider", "my.State");
        confs.setSpout("spout", new TestWordSpout()).addConfigurations(own);
        confs.setBolt("bolt", new Plain()).addConfigurations(own).shuffleGrouping("spout");
        confs.setBolt("resources", new Plain()).setMemoryLoad(256, 64).setCPULoad(25).shuffleGrouping("spout");
        StormTopology withKryo = confs.createTopology();
        withKryo.get_bolts().get("counter").get_common().set_json_conf("{\"topology.kryo.register\":[\"my.Class\"]}");
        write("component_confs", withKryo, Map.of("topology.debug", false, "my.list", "other", "my.own", 1.0));
        TopologyBuilder many = new TopologyBuilder();
        for (int i = 0; i < 7; i++) {
            many.setSpout("s" + i, new TestWordSpout(), i + 1).setNumTasks(2 * i + 1);
        }
        write("only_spouts", many.createTopology(), Map.of());
    }

    private void refusals() throws Exception {
        TopologyBuilder component = words();
        component.setBolt("bad", new Plain()).shuffleGrouping("nobody");
        refuse("unknown_component", component.createTopology());
        TopologyBuilder stream = words();
        stream.setBolt("bad", new Plain()).shuffleGrouping("words", "no\u00e9");
        refuse("unknown_stream", stream.createTopology());
        TopologyBuilder field = words();
        field.setBolt("bad", new Plain()).fieldsGrouping("words", new Fields("x", "word", "y"));
        refuse("unknown_fields", field.createTopology());
        StormTopology twice = words().createTopology();
        twice.put_to_bolts("words", twice.get_bolts().get("counter"));
        refuse("duplicate_id", twice);
        StormTopology system = words().createTopology();
        system.put_to_bolts("__mine", system.get_bolts().get("counter"));
        refuse("system_component", system);
        StormTopology systemStream = words().createTopology();
        systemStream.get_bolts().get("counter").get_common().put_to_streams("__mine", new StreamInfo(List.of(), false));
        refuse("system_stream", systemStream);
        StormTopology inputs = words().createTopology();
        inputs.get_spouts().get("words").get_common().put_to_inputs(new GlobalStreamId("counter", "default"),
                Grouping.shuffle(new NullStruct()));
        refuse("spout_with_inputs", inputs);
        StormTopology noExecutors = words().createTopology();
        noExecutors.get_bolts().get("counter").get_common().set_parallelism_hint(0);
        noExecutors.get_bolts().get("counter").get_common().set_json_conf("{\"topology.tasks\":2}");
        refuse("tasks_without_executors", noExecutors);
    }

    /** NAME.refused.thrift and the message with which StormCommon refuses it. */
    private void refuse(String name, StormTopology topology) throws Exception {
        byte[] bytes = new TSerializer(new TBinaryProtocol.Factory()).serialize(topology);
        Map<String, Object> conf = Utils.readDefaultConfig();
        try {
            StormCommon.systemTopology(conf, withTasks(topology, conf));
        } catch (InvalidTopologyException e) {
            Files.write(folder.resolve(name + ".refused"), bytes);
            writeText(name + ".message", e.get_msg());
            return;
        }
        throw new AssertionError("Storm accepts " + name);
    }

    // --- what Storm makes of it ----------------------------------------------------------------------------------------

    private void write(String name, StormTopology topology, Map<String, Object> submitted) throws Exception {
        byte[] bytes = new TSerializer(new TBinaryProtocol.Factory()).serialize(topology);
        Files.write(folder.resolve(name + ".thrift"), bytes);
        String json = JSONValue.toJSONString(submitted);
        writeText(name + ".conf.json", json);
        @SuppressWarnings("unchecked")
        Map<String, Object> conf = Utils.merge(Utils.readDefaultConfig(), (Map<String, Object>) JSONValue.parse(json));
        StormTopology normal = withTasks(topology, conf);
        StormTopology system = StormCommon.systemTopology(conf, normal);
        Map<Integer, String> taskToComponent = StormCommon.stormTaskInfo(normal, conf);
        Map<String, Object> components = new TreeMap<>();
        for (Map.Entry<String, Object> entry : StormCommon.allComponents(system).entrySet()) {
            components.put(entry.getKey(), describe(entry.getKey(), entry.getValue(), conf, system, taskToComponent));
        }
        writeText(name + ".expected.json", JSONValue.toJSONString(components));
        written++;
    }

    private void writeText(String name, String text) throws IOException {
        Files.write(folder.resolve(name), text.getBytes(StandardCharsets.UTF_8));
    }

    /** Nimbus puts min(max.task.parallelism, topology.tasks or the hint) into each json_conf. */
    private static StormTopology withTasks(StormTopology topology, Map<String, Object> conf) throws Exception {
        StormTopology copy = topology.deepCopy();
        for (Object component : StormCommon.allComponents(copy).values()) {
            Map<String, Object> own = StormCommon.componentConf(component);
            Map<String, Object> merged = Utils.merge(conf, own);
            int tasks = ObjectReader.getInt(merged.get("topology.tasks"), StormCommon.numStartExecutors(component));
            Integer most = ObjectReader.getInt(merged.get("topology.max.task.parallelism"), null);
            own.put("topology.tasks", most == null ? tasks : Math.min(tasks, most));
            StormCommon.getComponentCommon(component).set_json_conf(JSONValue.toJSONString(own));
        }
        return copy;
    }

    private static Map<String, Object> describe(String name, Object component, Map<String, Object> conf,
            StormTopology system, Map<Integer, String> taskToComponent) throws Exception {
        ComponentCommon common = StormCommon.getComponentCommon(component);
        Map<String, Object> out = new TreeMap<>();
        out.put("kind", component instanceof SpoutSpec ? "spout" : "bolt");
        List<Integer> tasks = new ArrayList<>();
        taskToComponent.forEach((task, owner) -> {
            if (owner.equals(name)) {
                tasks.add(task);
            }
        });
        Collections.sort(tasks);
        out.put("tasks", tasks);
        List<Object> ranges = new ArrayList<>();
        if (!tasks.isEmpty()) {
            for (List<Integer> part : Utils.partitionFixed(StormCommon.numStartExecutors(component), tasks)) {
                ranges.add(Arrays.asList(part.get(0), part.get(part.size() - 1)));
            }
        }
        out.put("executors", ranges);
        Map<String, Object> streams = new TreeMap<>();
        common.get_streams().forEach((id, info) ->
                streams.put(id, Map.of("fields", info.get_output_fields(), "direct", info.is_direct())));
        out.put("streams", streams);
        List<Object> inputs = new ArrayList<>();
        common.get_inputs().forEach((id, grouping) -> inputs.add(input(id, grouping)));
        out.put("inputs", inputs);
        out.put("json_conf", StormCommon.componentConf(component));
        out.put("conf_changes", confChanges(name, conf, system));
        return out;
    }

    private static Map<String, Object> input(GlobalStreamId id, Grouping grouping) {
        Map<String, Object> out = new TreeMap<>();
        out.put("component", id.get_componentId());
        out.put("stream", id.get_streamId());
        Grouping._Fields type = Thrift.groupingType(grouping);
        boolean fields = type == Grouping._Fields.FIELDS;
        boolean global = fields && grouping.get_fields().isEmpty();
        out.put("grouping", global ? "global" : type.getFieldName());
        out.put("fields", fields ? grouping.get_fields() : List.of());
        return out;
    }

    /** What the component's conf in prepare changes or adds, by the method that Storm's executors call. */
    private static Map<String, Object> confChanges(String name, Map<String, Object> conf, StormTopology system)
            throws Exception {
        WorkerTopologyContext context = new WorkerTopologyContext(system, conf, Map.of(), Map.of(), Map.of(), "id", "code",
                "pids", 6700, List.of(), Map.of(), Map.of());
        Method method = Executor.class.getDeclaredMethod("normalizedComponentConf", Map.class, WorkerTopologyContext.class,
                String.class);
        method.setAccessible(true);
        Object executor = new ObjenesisStd().newInstance(BoltExecutor.class);
        @SuppressWarnings("unchecked")
        Map<String, Object> own = (Map<String, Object>) method.invoke(executor, conf, context, name);
        Map<String, Object> changes = new TreeMap<>();
        own.forEach((key, value) -> {
            if (!conf.containsKey(key) || !Objects.equals(conf.get(key), value)) {
                changes.put(key, value);
            }
        });
        return changes;
    }
}
