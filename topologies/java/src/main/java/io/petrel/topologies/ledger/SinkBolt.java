package io.petrel.topologies.ledger;

import io.petrel.topologies.ledger.RecordLog.Kind;
import java.nio.file.Path;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;

/** Logs each leaf, then acks it. */
public final class SinkBolt extends BaseRichBolt {
    private final String folder;
    private transient OutputCollector collector;
    private transient RecordLog log;
    private transient Order order;
    private int task;

    public SinkBolt(String folder) {
        this.folder = folder;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
        order = new Order();
        task = context.getThisTaskId();
        log = new RecordLog(Path.of(folder, "sink-" + task + ".log"));
        log.replay(record -> { });
        log.append(Kind.OPEN, 0, task, 0, 0, task);
    }

    @Override
    public void execute(Tuple tuple) {
        order.check(tuple);
        log.append(Kind.SINK, tuple.getInteger(3), task, tuple.getLong(1), tuple.getInteger(2), tuple.getInteger(0));
        collector.ack(tuple);
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
    }
}
