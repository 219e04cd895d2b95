package io.petrel.host.storm2;

import java.util.List;
import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/** Emits twice with one and the same message id and keeps what comes back. */
public class IdentitySpout extends BaseRichSpout {
    static Object id;
    static List<Object> back;

    private transient SpoutOutputCollector out;
    private transient int calls;

    @Override
    public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
        out = collector;
    }

    @Override
    public void nextTuple() {
        if (calls++ == 0) {
            out.emit(new Values(1), id);
            out.emit(new Values(2), id);
        }
    }

    @Override
    public void ack(Object messageId) {
        back.add(messageId);
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(new Fields("v"));
    }
}
