package io.petrel.topologies.flow;

import io.petrel.topologies.Progress;
import io.petrel.topologies.ledger.Order;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.storm.Constants;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/**
 * A bolt of the flow topologies: checks the order of what comes, numbers what it emits, and publishes "pid executed emitted"
 * as COMPONENT-TASK. Every tuple is (value, number).
 */
abstract class Counted extends BaseRichBolt {
    static final String QUICK = "quick";
    static final Fields FIELDS = new Fields("value", "number");
    private static final int LOOK_EVERY = 64;
    final String folder;
    transient OutputCollector collector;
    transient TopologyContext context;
    transient Order order;
    private transient Progress progress;
    private boolean quick;
    long executed;
    long emitted;

    Counted(String folder) {
        this.folder = folder;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
        this.context = context;
        order = new Order();
        progress = new Progress(folder, context.getThisComponentId() + "-" + context.getThisTaskId());
    }

    @Override
    public final void execute(Tuple tuple) {
        if (!tuple.getSourceComponent().equals(Constants.SYSTEM_COMPONENT_ID)) {
            order.check(tuple);
            executed++;
            handle(tuple);
        }
        progress.publish(this::published, false);
    }

    /** Acks the tuple when it is done with it. */
    abstract void handle(Tuple tuple);

    /** Once there is a file "quick" in the folder, nobody is slow on purpose: what waits is soon gone. */
    boolean isQuick() {
        if (!quick && executed % LOOK_EVERY == 0) {
            quick = Files.exists(Path.of(folder, QUICK));
        }
        return quick;
    }

    void sleepMicros(int micros) {
        if (micros > 0 && !isQuick()) {
            LockSupport.parkNanos(1000L * micros);
        }
    }

    String published() {
        return ProcessHandle.current().pid() + " " + executed + " " + emitted + "\n";
    }

    void emit(String stream, Tuple anchor, Object value) {
        emitted++;
        Values values = new Values(value, order.next());
        if (anchor == null) {
            collector.emit(stream, values);
        } else {
            collector.emit(stream, anchor, values);
        }
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(FIELDS);
    }
}
