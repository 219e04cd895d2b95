package io.petrel.topologies;

import java.util.HashMap;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.utils.TupleUtils;

/** Counts words and publishes its counts on each tick when they changed. */
public final class CountBolt extends BaseRichBolt {
    private final String publishFolder;
    private transient OutputCollector collector;
    private transient Map<String, long[]> counts;
    private transient Progress progress;
    private boolean changed;

    /** publishFolder null: nothing is published. */
    public CountBolt(String publishFolder) {
        this.publishFolder = publishFolder;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
        this.counts = new HashMap<>();
        this.progress = new Progress(publishFolder, "count-" + context.getThisTaskIndex());
        progress.publish(this::text, true);
    }

    @Override
    public void execute(Tuple tuple) {
        if (TupleUtils.isTick(tuple)) {
            if (changed) {
                progress.publish(this::text, true);
                changed = false;
            }
        } else {
            counts.computeIfAbsent(tuple.getString(0), word -> new long[1])[0]++;
            changed = true;
        }
        collector.ack(tuple);
    }

    private String text() {
        StringBuilder text = new StringBuilder();
        counts.forEach((word, count) -> text.append(count[0]).append(' ').append(word).append('\n'));
        return text.toString();
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
    }

    @Override
    public Map<String, Object> getComponentConfiguration() {
        Map<String, Object> conf = new HashMap<>();
        if (publishFolder != null) {
            conf.put(Config.TOPOLOGY_TICK_TUPLE_FREQ_SECS, 1);
        }
        return conf;
    }
}
