package io.petrel.topologies.ledger;

import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;

/** Unique ids through a two-level fan-out and a join of two streams into sinks; everything that matters is logged. */
public final class LedgerTopology {
    private LedgerTopology() {
    }

    /** Arguments: name, folder for the logs, tuples a second of each spout task (0: no limit), message time-out in seconds. */
    public static void main(String[] args) throws Exception {
        String folder = args[1];
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("ledger", new LedgerSpout(folder, Long.parseLong(args[2])), 2);
        builder.setBolt("fan1", new FanBolt(true), 2).shuffleGrouping("ledger");
        builder.setBolt("fan2", new FanBolt(false), 2).fieldsGrouping("fan1", new Fields("sequence"));
        builder.setBolt("join", new JoinBolt(), 2)
                .fieldsGrouping("fan1", FanBolt.LEFT, new Fields("spout", "sequence"))
                .fieldsGrouping("fan1", FanBolt.RIGHT, new Fields("spout", "sequence"));
        builder.setBolt("sink", new SinkBolt(folder), 2).shuffleGrouping("fan2").shuffleGrouping("join");
        Config conf = new Config();
        conf.put(Config.TOPOLOGY_WORKERS, 1);
        conf.put(Config.TOPOLOGY_MAX_SPOUT_PENDING, 1000);
        conf.put(Config.TOPOLOGY_MESSAGE_TIMEOUT_SECS, Integer.parseInt(args[3]));
        conf.put(Config.TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB, 512);
        StormSubmitter.submitTopology(args[0], conf, builder.createTopology());
    }
}
