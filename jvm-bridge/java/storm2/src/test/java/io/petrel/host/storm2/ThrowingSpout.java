package io.petrel.host.storm2;

import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/** Throws when it is acked. */
public class ThrowingSpout extends BaseRichSpout {
    private transient SpoutOutputCollector out;
    private transient boolean emitted;

    @Override
    public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
        out = collector;
    }

    @Override
    public void nextTuple() {
        if (!emitted) {
            emitted = true;
            out.emit(new Values(1), "m");
        }
    }

    @Override
    public void ack(Object id) {
        throw new IllegalStateException("ack of " + id);
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(new Fields("v"));
    }
}
