package io.petrel.topologies.bench;

import java.util.HashMap;
import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/** The spout of every shape: as many tuples as the system takes, or a fixed rate of stamped ones, or none at all. */
final class Source extends BaseRichSpout {
    private static final int BIG_BYTES = 64 * 1024;

    /** What is emitted. Chosen once, as in Sink. */
    private enum Content { NOTHING, TEXT, OBJECTS, BYTES }

    private final String shape;
    private final Content content;
    private final String folder;
    private final boolean acks;
    private final double rate;  // of each task; 0: as many as the system takes
    private transient SpoutOutputCollector collector;
    private transient Words.Picker words;
    private transient byte[] big;
    private transient Pace pace;
    private transient Meter.Cell acked;
    private long sent;

    Source(String shape, String folder, boolean acks, double rate) {
        this.shape = shape;
        content = switch (shape) {
            case "idle" -> Content.NOTHING;
            case "pojo" -> Content.OBJECTS;
            case "big" -> Content.BYTES;
            default -> Content.TEXT;
        };
        this.folder = folder;
        this.acks = acks;
        this.rate = rate;
    }

    @Override
    public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
        this.collector = collector;
        words = new Words.Picker(Words.pool(shape), context.getThisTaskId());
        big = new byte[BIG_BYTES];
        acked = Meter.cell(folder, "spout-" + context.getThisTaskId());
        pace = rate > 0 ? new Pace(rate) : null;
    }

    @Override
    public void nextTuple() {
        if (content == Content.NOTHING) {
            return;
        }
        if (pace != null) {
            stamped();
        } else if (acks) {
            collector.emit(values(), sent++);
        } else {
            collector.emit(values());
        }
    }

    /** The id of a message is when it was emitted. */
    private void stamped() {
        long now = System.nanoTime();
        long due = pace.due();
        if (now < due) {
            return;
        }
        pace.sent();
        Values values = new Values(words.next(), now, due);
        if (acks) {
            collector.emit(values, now);
        } else {
            collector.emit(values);
        }
    }

    private Values values() {
        if (content == Content.TEXT) {
            return new Values(words.next());
        }
        if (content == Content.BYTES) {
            return new Values(big);
        }
        Map<String, Object> more = new HashMap<>();
        more.put("word", words.next());
        more.put("number", sent);
        return new Values(new Order(sent, "somebody"), more);
    }

    @Override
    public void ack(Object id) {
        acked.add();
        if (pace != null) {
            acked.time(System.nanoTime() - (Long) id);
        }
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(rate > 0 ? new Fields("value", "emitted", "due")
                : content == Content.OBJECTS ? new Fields("value", "more") : new Fields("value"));
    }
}
