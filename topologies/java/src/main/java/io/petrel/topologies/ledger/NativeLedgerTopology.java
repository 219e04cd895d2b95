package io.petrel.topologies.ledger;

import io.petrel.topologies.nativehost.NativeBolt;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;

/** The ledger topology with a stage in C++ in front of each of its fans and of its sink. The same leaves, the same logs. */
public final class NativeLedgerTopology {
    private static final String[] SPOUT_FIELDS = LedgerSpout.FIELDS.toList().toArray(new String[0]);
    private static final String[] FAN_FIELDS = FanBolt.FIELDS.toList().toArray(new String[0]);

    private NativeLedgerTopology() {
    }

    /**
     * Arguments: name, folder for the logs, tuples a second of each spout task (0: no limit), message time-out in seconds,
     * workers, and the library below resources/ (libpetrel_test_components.so).
     */
    public static void main(String[] args) throws Exception {
        String folder = args[1];
        String library = args.length > 5 ? args[5] : "libpetrel_test_components.so";
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("ledger", new LedgerSpout(folder, Long.parseLong(args[2])), 2);
        builder.setBolt("native1", new NativeBolt(SPOUT_FIELDS), 2).shuffleGrouping("ledger")
                .addConfiguration(NativeBolt.LIBRARY, library)
                .addConfiguration(NativeBolt.COMPONENT, "ledger-identity");
        builder.setBolt("fan1", new FanBolt(true), 2).shuffleGrouping("native1");
        builder.setBolt("native2", new NativeBolt(FAN_FIELDS), 2).fieldsGrouping("fan1", new Fields("sequence"))
                .addConfiguration(NativeBolt.LIBRARY, library)
                .addConfiguration(NativeBolt.COMPONENT, "ledger-identity");
        builder.setBolt("fan2", new FanBolt(false), 2).fieldsGrouping("native2", new Fields("sequence"));
        builder.setBolt("join", new JoinBolt(), 2)
                .fieldsGrouping("fan1", FanBolt.LEFT, new Fields("spout", "sequence"))
                .fieldsGrouping("fan1", FanBolt.RIGHT, new Fields("spout", "sequence"));
        builder.setBolt("native3", new NativeBolt(FAN_FIELDS), 2).shuffleGrouping("fan2").shuffleGrouping("join")
                .addConfiguration(NativeBolt.LIBRARY, library)
                .addConfiguration(NativeBolt.COMPONENT, "ledger-identity");
        builder.setBolt("sink", new SinkBolt(folder), 2).shuffleGrouping("native3");
        Config conf = new Config();
        conf.put(Config.TOPOLOGY_WORKERS, args.length > 4 ? Integer.parseInt(args[4]) : 1);
        conf.put(Config.TOPOLOGY_MAX_SPOUT_PENDING, 1000);
        conf.put(Config.TOPOLOGY_MESSAGE_TIMEOUT_SECS, Integer.parseInt(args[3]));
        conf.put(Config.TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB, 512);
        StormSubmitter.submitTopology(args[0], conf, builder.createTopology());
    }
}
