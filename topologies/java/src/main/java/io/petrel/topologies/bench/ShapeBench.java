package io.petrel.topologies.bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.BoltDeclarer;
import org.apache.storm.topology.ComponentConfigurationDeclarer;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/** The topologies of the benchmarks, one shape each. One jar for every system that runs Storm topologies. */
public final class ShapeBench {
    private static final String CONTAINER = "petrel.container";

    private ShapeBench() {
    }

    /** A word for each word of the sentence. */
    static final class Split extends BaseRichBolt {
        private transient OutputCollector collector;

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
            this.collector = collector;
        }

        @Override
        public void execute(Tuple tuple) {
            for (String word : tuple.getString(0).split(" ")) {
                collector.emit(tuple, new Values(word));
            }
            collector.ack(tuple);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("value"));
        }
    }

    /** What came goes on. */
    static final class Identity extends BaseRichBolt {
        private transient OutputCollector collector;

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
            this.collector = collector;
        }

        @Override
        public void execute(Tuple tuple) {
            collector.emit(tuple, new Values(tuple.getValue(0)));
            collector.ack(tuple);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("value"));
        }
    }

    /** The arguments: names with a dot are settings of the topology, all others are ours. */
    private static final class Options {
        private final Map<String, String> own = new HashMap<>();
        private final Map<String, Object> conf = new HashMap<>();

        Options(String[] args) {
            for (int i = 1; i < args.length; i++) {
                String[] pair = args[i].split("=", 2);
                if (pair[0].contains(".")) {
                    conf.put(pair[0], parse(pair[1]));
                } else {
                    own.put(pair[0], pair[1]);
                }
            }
        }

        private static Object parse(String text) {
            if (text.equals("true") || text.equals("false")) {
                return Boolean.valueOf(text);
            }
            try {
                return Integer.valueOf(text);
            } catch (NumberFormatException notWhole) {
                try {
                    return Double.valueOf(text);
                } catch (NumberFormatException notANumber) {
                    return text;
                }
            }
        }

        String text(String name) {
            String value = own.get(name);
            if (value == null) {
                throw new IllegalArgumentException("argument " + name + "=... is missing");
            }
            return value;
        }

        int number(String name, int fallback) {
            return own.containsKey(name) ? Integer.parseInt(own.get(name)) : fallback;
        }
    }

    private static TopologyBuilder topology(Options options, boolean acks) {
        String shape = options.text("shape");
        String folder = options.text("folder");
        int spouts = options.number("spouts", 1);
        int bolts = options.number("bolts", spouts);
        double rate = options.number("rate", 0) / (double) spouts;
        TopologyBuilder builder = new TopologyBuilder();
        var source = builder.setSpout("source", new Source(shape, folder, acks, rate), spouts);
        BoltDeclarer sink = builder.setBolt("sink", new Sink(shape, folder, rate > 0), bolts);
        pin(source, options, "source");
        pin(sink, options, "sink");
        Fields value = new Fields("value");
        switch (shape) {
            case "wc" -> sink.fieldsGrouping("source", value);
            case "sent" -> {
                sink.fieldsGrouping("split", value);
                pin(builder.setBolt("split", new Split(), bolts).shuffleGrouping("source"), options, "split");
            }
            case "chain" -> {
                sink.shuffleGrouping("identity");
                pin(builder.setBolt("identity", new Identity(), bolts).shuffleGrouping("source"), options, "identity");
            }
            case "all" -> sink.allGrouping("source");
            case "shuffle", "pojo", "big", "idle" -> sink.shuffleGrouping("source");
            default -> throw new IllegalArgumentException("there is no shape " + shape);
        }
        return builder;
    }

    /** The argument COMPONENT=N names the container that all its tasks run in, counted from 1. */
    private static void pin(ComponentConfigurationDeclarer<?> component, Options options, String name) {
        int container = options.number(name, 0);
        if (container > 0) {
            component.addConfiguration(CONTAINER, container);
        }
    }

    /** Arguments: NAME, then KEY=VALUE: shape, folder, spouts, bolts, rate (in all, a second), COMPONENT, settings of Storm. */
    public static void main(String[] args) throws Exception {
        Options options = new Options(args);
        Config conf = new Config();
        conf.put(Config.TOPOLOGY_ACKER_EXECUTORS, 0);
        conf.putAll(options.conf);
        conf.registerSerialization(Order.class);
        boolean acks = (Integer) conf.get(Config.TOPOLOGY_ACKER_EXECUTORS) > 0;
        StormSubmitter.submitTopology(args[0], conf, topology(options, acks).createTopology());
    }
}
