package io.petrel.topologies.bench;

import java.util.HashMap;
import java.util.Map;
import java.util.SplittableRandom;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/** The word count of the benchmarks: random words from a fixed dictionary of 5,000, counted. One jar for every system. */
public final class WordBench {
    private static final int WORDS = 5000;

    private WordBench() {
    }

    /** As many random words as the system takes. */
    public static final class Source extends BaseRichSpout {
        private final String folder;
        private final boolean acks;
        private transient SpoutOutputCollector collector;
        private transient String[] words;
        private transient Meter.Cell acked;
        private long random;
        private long sent;

        Source(String folder, boolean acks) {
            this.folder = folder;
            this.acks = acks;
        }

        @Override
        public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
            this.collector = collector;
            words = dictionary();
            acked = Meter.cell(folder, "spout-" + context.getThisTaskId());
            random = context.getThisTaskId() * 0x9E3779B97F4A7C15L + 1;
        }

        @Override
        public void nextTuple() {
            random ^= random << 13;
            random ^= random >>> 7;
            random ^= random << 17;
            Values values = new Values(words[(int) ((random >>> 33) % words.length)]);
            if (acks) {
                collector.emit(values, sent++);
            } else {
                collector.emit(values);
            }
        }

        @Override
        public void ack(Object id) {
            acked.add();
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("word"));
        }
    }

    /** Counts. */
    public static final class Sink extends BaseRichBolt {
        private final String folder;
        private transient OutputCollector collector;
        private transient Map<String, Long> counts;
        private transient Meter.Cell seen;

        Sink(String folder) {
            this.folder = folder;
        }

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
            this.collector = collector;
            counts = new HashMap<>();
            seen = Meter.cell(folder, "sink-" + context.getThisTaskId());
        }

        @Override
        public void execute(Tuple tuple) {
            counts.merge(tuple.getString(0), 1L, Long::sum);
            seen.add();
            collector.ack(tuple);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
        }
    }

    private static String[] dictionary() {
        SplittableRandom random = new SplittableRandom(42);
        String[] words = new String[WORDS];
        for (int i = 0; i < words.length; i++) {
            StringBuilder word = new StringBuilder();
            for (int letters = 3 + random.nextInt(10); letters > 0; letters--) {
                word.append((char) ('a' + random.nextInt(26)));
            }
            words[i] = word.toString();
        }
        return words;
    }

    /** Arguments: name, folder, acker executors, max spout pending (0: not set), workers, sinks. */
    public static void main(String[] args) throws Exception {
        int ackers = Integer.parseInt(args[2]);
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("source", new Source(args[1], ackers > 0), 1);
        builder.setBolt("sink", new Sink(args[1]), Integer.parseInt(args[5])).fieldsGrouping("source", new Fields("word"));
        Map<String, Object> conf = new HashMap<>();
        conf.put(Config.TOPOLOGY_WORKERS, Integer.parseInt(args[4]));
        conf.put(Config.TOPOLOGY_ACKER_EXECUTORS, ackers);
        if (!args[3].equals("0")) {
            conf.put(Config.TOPOLOGY_MAX_SPOUT_PENDING, Integer.parseInt(args[3]));
        }
        StormSubmitter.submitTopology(args[0], conf, builder.createTopology());
    }
}
