package io.petrel.topologies.flow;

import io.petrel.topologies.Progress;
import io.petrel.topologies.ledger.Order;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseWindowedBolt;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;
import org.apache.storm.utils.TupleUtils;
import org.apache.storm.windowing.TupleWindow;

/** A sliding window: emits how many tuples are new in it; Storm acks a tuple when it has left the window. */
final class WindowSums extends BaseWindowedBolt {
    private final String folder;
    private transient OutputCollector collector;
    private transient Order order;
    private transient Progress progress;
    private long executed;
    private long emitted;

    WindowSums(String folder) {
        this.folder = folder;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
        order = new Order();
        progress = new Progress(folder, context.getThisComponentId() + "-" + context.getThisTaskId());
    }

    @Override
    public void execute(TupleWindow window) {
        for (Tuple tuple : window.getNew()) {
            if (!TupleUtils.isTick(tuple)) {  // Storm puts them into the window too
                order.check(tuple);
                executed++;
            }
        }
        emitted++;
        collector.emit(window.getNew(), new Values(window.getNew().size(), order.next()));
        progress.publish(() -> ProcessHandle.current().pid() + " " + executed + " " + emitted + "\n", true);
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(Counted.FIELDS);
    }
}
