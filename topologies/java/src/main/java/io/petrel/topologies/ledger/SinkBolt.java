package io.petrel.topologies.ledger;

import io.petrel.topologies.ledger.RecordLog.Kind;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.utils.Utils;

/** Logs each leaf, then acks it. Stands still while there is a file "hold" in the folder. */
public final class SinkBolt extends BaseRichBolt {
    private static final int LOOK_EVERY = 256;  // a look at the file system costs more than a tuple
    private final String folder;
    private transient OutputCollector collector;
    private transient RecordLog log;
    private transient Order order;
    private int task;
    private int looks;

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
        hold();
        order.check(tuple);
        log.append(Kind.SINK, tuple.getInteger(3), task, tuple.getLong(1), tuple.getInteger(2), tuple.getInteger(0));
        collector.ack(tuple);
    }

    private void hold() {
        if (++looks % LOOK_EVERY != 0) {
            return;
        }
        while (Files.exists(Path.of(folder, "hold"))) {
            Utils.sleep(50);
        }
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
    }
}
