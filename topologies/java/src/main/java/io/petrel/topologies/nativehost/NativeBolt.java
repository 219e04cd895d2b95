package io.petrel.topologies.nativehost;

import java.util.Map;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;

/**
 * Stands for a bolt in C++: it declares the stream, and its configuration names the library and the component. Any rich bolt
 * can do that; this one says so when somebody runs it in Java.
 */
public final class NativeBolt extends BaseRichBolt {
    /** Path of the library below the jar's resources/. */
    public static final String LIBRARY = "petrel.native.library";
    /** The name in PETREL_BOLT. */
    public static final String COMPONENT = "petrel.native.component";

    private final String[] fields;
    private String otherStream;

    public NativeBolt(String... fields) {
        this.fields = fields;
    }

    /** Declares this stream as well, with the same fields. */
    public NativeBolt and(String stream) {
        otherStream = stream;
        return this;
    }

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
        throw new UnsupportedOperationException("this bolt is written in C++ (" + conf.get(LIBRARY) + ", "
                + conf.get(COMPONENT) + ") and runs in Petrel's native host only");
    }

    @Override
    public void execute(Tuple tuple) {
        throw new UnsupportedOperationException("this bolt runs in Petrel's native host only");
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(new Fields(fields));
        if (otherStream != null) {
            declarer.declareStream(otherStream, new Fields(fields));
        }
    }
}
