package io.petrel.topologies;

import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.topology.BoltDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;

/** Word count over a text file: lines, words, counts. */
public final class WordCountTopology {
    private static final String USAGE = "usage: WordCountTopology NAME TEXT [--spouts 1] [--splits 2] [--counts 2]"
            + " [--loops 0 (without end)] [--publish FOLDER] [--lines-by shuffle|fields] [--conf key=value ...]";

    private WordCountTopology() {
    }

    public static void main(String[] args) throws Exception {
        Options options = Options.parse(args);
        if (options.positional.size() != 2) {
            System.err.println(USAGE);
            System.exit(2);
        }
        String publish = options.text("publish", null);
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("lines", new LineSpout(options.positional.get(1), options.number("loops", 0), publish),
                options.number("spouts", 1));
        BoltDeclarer split = builder.setBolt("split", new SplitBolt(), options.number("splits", 2));
        if (options.text("lines-by", "shuffle").equals("fields")) {
            split.fieldsGrouping("lines", new Fields("line"));  // every tuple's way is then known beforehand
        } else {
            split.shuffleGrouping("lines");
        }
        builder.setBolt("count", new CountBolt(publish), options.number("counts", 2)).fieldsGrouping("split", new Fields("word"));
        Config conf = options.conf();
        conf.putIfAbsent(Config.TOPOLOGY_WORKERS, 1);
        conf.putIfAbsent(Config.TOPOLOGY_MAX_SPOUT_PENDING, 1000);
        StormSubmitter.submitTopology(options.positional.get(0), conf, builder.createTopology());
    }
}
