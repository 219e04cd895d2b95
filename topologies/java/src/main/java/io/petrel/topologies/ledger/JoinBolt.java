package io.petrel.topologies.ledger;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/** Joins left and right of the same attempt into one tuple that is anchored to both. A half without the other is never acked. */
public final class JoinBolt extends BaseRichBolt {
    private static final int MAX_WAITING = 100_000;
    private static final int PATH = 3;
    private transient OutputCollector collector;
    private transient Order order;
    private transient Map<List<Object>, Tuple> waiting;

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
        this.order = new Order();
        this.waiting = new LinkedHashMap<>() {
            @Override
            protected boolean removeEldestEntry(Map.Entry<List<Object>, Tuple> eldest) {
                return size() > MAX_WAITING;  // halves of attempts that timed out long ago
            }
        };
    }

    @Override
    public void execute(Tuple tuple) {
        order.check(tuple);
        List<Object> key = List.copyOf(tuple.getValues().subList(0, PATH + 1));
        Tuple other = waiting.remove(key);
        if (other == null) {
            waiting.put(key, tuple);
        } else if (other.getSourceStreamId().equals(tuple.getSourceStreamId())) {
            waiting.put(key, other);
            throw new IllegalStateException("the same half twice: " + tuple);
        } else {
            collector.emit(List.of(other, tuple), new Values(key.get(0), key.get(1), key.get(2), key.get(PATH), order.next()));
            collector.ack(other);
            collector.ack(tuple);
        }
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(FanBolt.FIELDS);
    }
}
