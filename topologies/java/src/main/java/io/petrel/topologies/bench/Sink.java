package io.petrel.topologies.bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;

/** The last bolt of every shape: uses what came, counts it, and takes the times of stamped tuples. */
final class Sink extends BaseRichBolt {
    private final String shape;
    private final String folder;
    private final boolean stamped;
    private transient OutputCollector collector;
    private transient Map<String, Long> counts;
    private transient Meter.Cell seen;
    private transient Meter.Cell due;
    private long digest;

    Sink(String shape, String folder, boolean stamped) {
        this.shape = shape;
        this.folder = folder;
        this.stamped = stamped;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
        counts = new HashMap<>();
        seen = Meter.cell(folder, "sink-" + context.getThisTaskId());
        due = stamped ? Meter.cell(folder, "due-" + context.getThisTaskId()) : null;
    }

    @Override
    public void execute(Tuple tuple) {
        switch (shape) {
            case "wc", "sent" -> counts.merge(tuple.getString(0), 1L, Long::sum);
            case "pojo" -> digest += ((Order) tuple.getValue(0)).digest() + ((Map<?, ?>) tuple.getValue(1)).size();
            case "big" -> digest += tuple.getBinary(0).length;
            default -> { }
        }
        seen.add();
        if (stamped) {
            long now = System.nanoTime();
            seen.time(now - tuple.getLong(1));
            due.time(now - tuple.getLong(2));
        }
        collector.ack(tuple);
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
    }
}
