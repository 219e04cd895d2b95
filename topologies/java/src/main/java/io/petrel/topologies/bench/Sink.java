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
    /** What is done with a tuple. Chosen once: looking at a name for each tuple would cost as much as the work. */
    private enum Use { COUNT, DIGEST, LENGTH, NOTHING }

    private final Use use;
    private final String folder;
    private final boolean stamped;
    private transient OutputCollector collector;
    private transient Map<String, Long> counts;
    private transient Meter.Cell seen;
    private transient Meter.Cell due;
    private long digest;

    Sink(String shape, String folder, boolean stamped) {
        use = switch (shape) {
            case "wc", "sent" -> Use.COUNT;
            case "pojo" -> Use.DIGEST;
            case "big" -> Use.LENGTH;
            default -> Use.NOTHING;
        };
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
        if (use == Use.COUNT) {
            counts.merge(tuple.getString(0), 1L, Long::sum);
        } else if (use == Use.DIGEST) {
            digest += ((Order) tuple.getValue(0)).digest() + ((Map<?, ?>) tuple.getValue(1)).size();
        } else if (use == Use.LENGTH) {
            digest += tuple.getBinary(0).length;
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
