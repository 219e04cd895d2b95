package io.petrel.topologies;

import java.util.Locale;
import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;

/** Cuts lines into words: the longest runs of a-z and the apostrophe, in lower case. */
public final class SplitBolt extends BaseRichBolt {
    private transient OutputCollector collector;

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
    }

    @Override
    public void execute(Tuple tuple) {
        String line = tuple.getString(0).toLowerCase(Locale.ROOT);
        int start = -1;
        for (int i = 0; i <= line.length(); i++) {
            char c = i < line.length() ? line.charAt(i) : ' ';
            boolean letter = (c >= 'a' && c <= 'z') || c == '\'';
            if (letter && start < 0) {
                start = i;
            } else if (!letter && start >= 0) {
                collector.emit(tuple, new Values(line.substring(start, i)));
                start = -1;
            }
        }
        collector.ack(tuple);
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(new Fields("word"));
    }
}
