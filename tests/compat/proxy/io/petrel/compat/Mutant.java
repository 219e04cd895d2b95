package io.petrel.compat;

import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.tuple.Tuple;

/** A bolt that does what another one does, but for one fault. */
public final class Mutant implements IRichBolt {
    /** The fault. */
    public enum Kind {
        /** Every 100th tuple is dropped: neither passed on nor acked. */
        DropEvery,
        /** Everything is acked and nothing emitted. */
        AckOnly,
        /** Every 100th tuple is failed; for a bolt that emits nothing anyway. */
        FailEvery
    }

    private static final long serialVersionUID = 1;
    private static final int EVERY = 100;
    private final IRichBolt original;
    private final Kind kind;
    private transient OutputCollector collector;
    private transient long seen;

    public Mutant(IRichBolt original, Kind kind) {
        this.original = original;
        this.kind = kind;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        this.collector = collector;
        original.prepare(conf, context, collector);
    }

    @Override
    public void execute(Tuple tuple) {
        seen++;
        if (kind == Kind.AckOnly) {
            collector.ack(tuple);
        } else if (seen % EVERY != 0) {
            original.execute(tuple);
        } else if (kind == Kind.FailEvery) {
            collector.fail(tuple);
        }
    }

    @Override
    public void cleanup() {
        original.cleanup();
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        original.declareOutputFields(declarer);
    }

    @Override
    public Map<String, Object> getComponentConfiguration() {
        return original.getComponentConfiguration();
    }
}
