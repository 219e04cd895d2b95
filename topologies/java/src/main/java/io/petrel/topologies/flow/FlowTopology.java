package io.petrel.topologies.flow;

import io.petrel.topologies.Options;
import io.petrel.topologies.flow.Bolts.Arrivals;
import io.petrel.topologies.flow.Bolts.Enter;
import io.petrel.topologies.flow.Bolts.Fan;
import io.petrel.topologies.flow.Bolts.Feed;
import io.petrel.topologies.flow.Bolts.Sink;
import io.petrel.topologies.flow.Bolts.Sleeper;
import io.petrel.topologies.nativehost.NativeBolt;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.topology.BoltDeclarer;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.SpoutDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseWindowedBolt;

/** Topologies for flow control, by shape; tests/ledger/flows_test.py says what each shows. */
public final class FlowTopology {
    private static final String USAGE = "usage: FlowTopology NAME FOLDER cycle|fan|big|sleeper|stuck|shell|window|chain|branches"
            + " [--gain PERCENT] [--sleep-us N] [--bytes N] [--rate N] [--most N] [--times N] [--library FILE] [--slow 0|1] [--apart 0|1]"
            + " [--conf KEY=VALUE]...";
    private static final String CONTAINER = "petrel.container";
    private static final int EIGHT = 8;

    private final String folder;
    private final Options options;
    private final TopologyBuilder builder = new TopologyBuilder();

    private FlowTopology(Options options) {
        this.folder = options.positional.get(1);
        this.options = options;
    }

    /** A child process in Python that is slow. */
    public static final class SlowShell extends ShellBolt implements IRichBolt {
        SlowShell(String folder, double sleepSeconds, int times) {
            super("/usr/bin/python3", "shell_bolt.py", Integer.toString(times), Double.toString(sleepSeconds),
                    folder + "/" + Counted.QUICK);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(Counted.FIELDS);
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }

    private Source source() {
        return new Source(folder, options.number("bytes", 100), options.number("rate", 0), options.number("most", 0),
                options.number("acks", 1) == 1);
    }

    /** With --library: both halves in C++; with --apart 1: in a container of their own. */
    private void cycle() {
        int gain = options.number("gain", 50);
        SpoutDeclarer source = builder.setSpout("source", source(), 1);
        half("enter", new Enter(folder), 0).shuffleGrouping("source").shuffleGrouping("feed", Bolts.BACK);
        half("feed", new Feed(folder, gain, options.number("sleep-us", 0)), gain).shuffleGrouping("enter");
        BoltDeclarer sink = builder.setBolt("sink", new Sink(folder, 0), 1).shuffleGrouping("enter");
        if (isApart()) {
            source.addConfiguration(CONTAINER, 1);
            sink.addConfiguration(CONTAINER, 1);
        }
    }

    private boolean isApart() {
        return options.number("apart", 0) == 1;
    }

    private BoltDeclarer half(String name, IRichBolt bolt, int gain) {
        String library = options.text("library", "");
        BoltDeclarer half = builder.setBolt(name, library.isEmpty() ? bolt : new NativeBolt("value", "number").and(Bolts.BACK), 2);
        if (isApart()) {
            half.addConfiguration(CONTAINER, 2);
        }
        if (!library.isEmpty()) {
            half.addConfiguration(NativeBolt.LIBRARY, library)
                    .addConfiguration(NativeBolt.COMPONENT, "cycle-half")
                    .addConfiguration("flow.folder", folder)
                    .addConfiguration("flow.gain", gain);
        }
        return half;
    }

    private void fan() {
        builder.setSpout("source", source(), 1);
        builder.setBolt("fan", new Fan(folder, options.number("times", 1000)), 2).shuffleGrouping("source");
        builder.setBolt("sink", new Sink(folder, options.number("sleep-us", 0)), 3).shuffleGrouping("fan");
    }

    private void big() {
        builder.setSpout("big", new Spouts.Big(folder, options.number("bytes", 100 << 20)), 1);
        builder.setSpout("small", new Source(folder, 100, options.number("rate", 2000), 0, true), 1);
        builder.setBolt("bigsink", new Sink(folder, 0), 2).shuffleGrouping("big");
        builder.setBolt("smallsink", new Sink(folder, 0), 2).allGrouping("small");
    }

    private void sleeper() {
        builder.setSpout("pairs", new Spouts.Pairs(folder, 250), 1);
        int sleepers = options.number("times", 20);
        String library = options.text("library", "");
        BoltDeclarer sleeper = library.isEmpty()
                ? builder.setBolt("sleeper", new Sleeper(folder, 60_000), sleepers)
                : builder.setBolt("sleeper", new NativeBolt("value", "number"), sleepers)
                        .addConfiguration(NativeBolt.LIBRARY, library)
                        .addConfiguration(NativeBolt.COMPONENT, "sleeper");
        sleeper.directGrouping("pairs", "pairs");
        builder.setBolt("arrivals", new Arrivals(folder), 2).allGrouping("sleeper");
    }

    private void stuck() {
        builder.setSpout("stuck", new Spouts.Stuck(folder, options.number("times", 1000)), 1);
        builder.setSpout("source", source(), 1);
        builder.setBolt("sink", new Sink(folder, 0), 2).shuffleGrouping("source").shuffleGrouping("stuck");
    }

    private void shell() {
        builder.setSpout("source", source(), 1);
        builder.setBolt("shell", new SlowShell(folder, 0.0005, 5), 2).shuffleGrouping("source");
        builder.setBolt("sink", new Sink(folder, options.number("sleep-us", 200)), 1).shuffleGrouping("shell");
    }

    private void window() {
        builder.setSpout("source", source(), 1);
        builder.setBolt("window", new WindowSums(folder).withWindow(BaseWindowedBolt.Count.of(1000),
                BaseWindowedBolt.Count.of(100)), 2).shuffleGrouping("source");
        builder.setBolt("sink", new Sink(folder, options.number("sleep-us", 0)), 1).shuffleGrouping("window");
    }

    /** Two lines that have nothing to do with each other, one of them with a sink that is slow. */
    private void branches() {
        builder.setSpout("source", source(), 1);
        builder.setBolt("sink", new Sink(folder, 0), 1).shuffleGrouping("source");
        if (options.number("slow", 1) == 1) {
            builder.setSpout("slow", new Source(folder, 100, 0, 0, false), 1);
            builder.setBolt("slowsink", new Sink(folder, options.number("sleep-us", 1000)), 1).shuffleGrouping("slow");
        }
    }

    /** One task in each of eight containers. */
    private void chain() {
        builder.setSpout("source", source(), 1);
        String before = "source";
        for (int i = 1; i < EIGHT - 1; i++) {
            builder.setBolt("hop" + i, new Fan(folder, 1), 1).shuffleGrouping(before);
            before = "hop" + i;
        }
        builder.setBolt("sink", new Sink(folder, options.number("sleep-us", 0)), 1).shuffleGrouping(before);
    }

    private void build(String shape) {
        switch (shape) {
            case "cycle" -> cycle();
            case "fan" -> fan();
            case "big" -> big();
            case "sleeper" -> sleeper();
            case "stuck" -> stuck();
            case "shell" -> shell();
            case "window" -> window();
            case "chain" -> chain();
            case "branches" -> branches();
            default -> throw new IllegalArgumentException("no shape '" + shape + "'; " + USAGE);
        }
    }

    public static void main(String[] args) throws Exception {
        Options options = Options.parse(args);
        if (options.positional.size() != 3) {
            System.err.println(USAGE);
            System.exit(2);
        }
        FlowTopology flow = new FlowTopology(options);
        flow.build(options.positional.get(2));
        Config conf = options.conf();
        conf.putIfAbsent(Config.TOPOLOGY_WORKERS, 3);
        conf.putIfAbsent(Config.TOPOLOGY_MESSAGE_TIMEOUT_SECS, 3600);
        conf.putIfAbsent(Config.TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB, 256);
        conf.putIfAbsent(Config.TOPOLOGY_MAX_SPOUT_PENDING, 1_000_000_000);
        conf.putIfAbsent(Config.TOPOLOGY_TICK_TUPLE_FREQ_SECS, 1);
        StormSubmitter.submitTopology(options.positional.get(0), conf, flow.builder.createTopology());
    }
}
