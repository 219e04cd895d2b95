package io.petrel.topologies.ledger;

import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/**
 * A level of the fan-out. The first level emits FIRST children on the default stream and one each on "left" and "right";
 * the second emits SECOND children of each. A child's path says which leaf it is.
 */
public final class FanBolt extends BaseRichBolt {
    static final int FIRST = 3;
    static final int SECOND = 2;
    /** The leaves of one root: FIRST * SECOND by the fan, and one by the join. */
    static final int JOIN_PATH = FIRST * SECOND;
    static final String LEFT = "left";
    static final String RIGHT = "right";
    static final Fields FIELDS = new Fields("spout", "sequence", "attempt", "path", "number");

    private final boolean first;
    private transient OutputCollector collector;
    private transient Order order;

    public FanBolt(boolean first) {
        this.first = first;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
        this.order = new Order();
    }

    @Override
    public void execute(Tuple tuple) {
        order.check(tuple);
        if (first) {
            for (int i = 0; i < FIRST; i++) {
                collector.emit(tuple, child(tuple, i));
            }
            collector.emit(LEFT, tuple, child(tuple, JOIN_PATH));
            collector.emit(RIGHT, tuple, child(tuple, JOIN_PATH));
        } else {
            for (int i = 0; i < SECOND; i++) {
                collector.emit(tuple, child(tuple, tuple.getInteger(3) * SECOND + i));
            }
        }
        collector.ack(tuple);
    }

    private Values child(Tuple tuple, int path) {
        return new Values(tuple.getValue(0), tuple.getValue(1), tuple.getValue(2), path, order.next());
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(FIELDS);
        if (first) {
            declarer.declareStream(LEFT, FIELDS);
            declarer.declareStream(RIGHT, FIELDS);
        }
    }
}
