package io.petrel.topologies.nativehost;

import io.petrel.topologies.CountBolt;
import io.petrel.topologies.LineSpout;
import io.petrel.topologies.SplitBolt;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;

/** Word count, Java to C++ to Java: lines and words in Java, capitals in C++, counts in Java. */
public final class NativeTopology {
    private static final String USAGE =
            "usage: NativeTopology NAME TEXT FOLDER LOOPS (0: without end) WORKERS [LIBRARY (libpetrel_example.so)]";

    private NativeTopology() {
    }

    public static void main(String[] args) throws Exception {
        if (args.length < 5 || args.length > 6) {
            System.err.println(USAGE);
            System.exit(2);
        }
        String folder = args[2];
        int workers = Integer.parseInt(args[4]);
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("lines", new LineSpout(args[1], Integer.parseInt(args[3]), folder), 1);
        builder.setBolt("split", new SplitBolt(), 2).shuffleGrouping("lines");
        builder.setBolt("upper", new NativeBolt("word", "seen"), 2)
                .fieldsGrouping("split", new Fields("word"))
                .addConfiguration(NativeBolt.LIBRARY, args.length > 5 ? args[5] : "libpetrel_example.so")
                .addConfiguration(NativeBolt.COMPONENT, "upper-count");
        builder.setBolt("count", new CountBolt(folder), 2).fieldsGrouping("upper", new Fields("word"));
        Config conf = new Config();
        conf.put(Config.TOPOLOGY_WORKERS, workers);
        conf.put(Config.TOPOLOGY_MAX_SPOUT_PENDING, 1000);
        StormSubmitter.submitTopology(args[0], conf, builder.createTopology());
    }
}
