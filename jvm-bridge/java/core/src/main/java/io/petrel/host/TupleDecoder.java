package io.petrel.host;

import io.petrel.host.codec.BatchReader;
import io.petrel.host.codec.MalformedBatchException;
import io.petrel.host.codec.OpaqueCodec;
import java.util.List;
import java.util.function.Supplier;
import org.apache.storm.task.GeneralTopologyContext;
import org.apache.storm.tuple.Tuple;

/** Turns what comes from other hosts into tuples, on the thread of the executor that takes them. One owner. */
final class TupleDecoder {
    private static final String SYSTEM = "__system";

    private final Topology topology;
    private final StreamTable streams;
    private final ApiLine api;
    private final GeneralTopologyContext context;
    private final BatchReader reader;
    private long[] pairs = new long[8];
    private InboundBatch section;
    private byte[] bytes;
    /** Tuples of the section that have been read. */
    private int number;
    /** The source of the last tuple of this section, and its names. */
    private int sourceTask;
    private int stream = -1;
    private String component;
    private String streamName;

    TupleDecoder(Topology topology, StreamTable streams, ApiLine api, GeneralTopologyContext context,
            Supplier<OpaqueCodec> codecs) {
        this.topology = topology;
        this.streams = streams;
        this.api = api;
        this.context = context;
        this.reader = new BatchReader(new LazyOpaqueCodec(codecs));
    }

    /**
     * Starts on a section; {@link #next} gives its tuples, one at a time: what has just been read is still in the cache when
     * it is executed, and of a section only its bytes wait.
     *
     * @throws IllegalStateException when its head cannot be read
     */
    void begin(InboundBatch batch) {
        section = batch;
        number = 0;
        forget();
        bytes = batch.takeEncoded();
        try {
            int count = reader.reset(bytes, 0, batch.encodedBytes());
            if (count != batch.size()) {
                throw new IllegalArgumentException("the section says " + batch.size() + " tuples, its batch " + count);
            }
        } catch (RuntimeException e) {
            throw unreadable(e);
        }
    }

    /**
     * The next of as many tuples as the section has.
     *
     * @throws IllegalStateException naming component, stream and field when the bytes cannot be read
     */
    Tuple next() {
        try {
            reader.next();
            if (reader.sourceTask() != sourceTask || reader.stream() != stream) {
                look();
            }
            Tuple tuple = tuple();
            if (++number == section.size()) {
                reader.next();
                section.giveBack(bytes);
                bytes = null;
            }
            return tuple;
        } catch (RuntimeException | StackOverflowError e) {
            throw unreadable(e);
        }
    }

    private IllegalStateException unreadable(Throwable e) {
        int task = section.destinationTask();
        return new IllegalStateException("a tuple for task " + task + " of component '" + topology.component(task)
                + "' cannot be read: number " + number + " of " + section.size() + where() + ": " + e.getMessage(), e);
    }

    /** An error names the source of its own section. */
    private void forget() {
        sourceTask = 0;
        component = null;
    }

    /** The names of the source of the tuple that is read. */
    private void look() {
        sourceTask = reader.sourceTask();
        stream = reader.stream();
        component = sourceTask == Ticks.SYSTEM_TASK ? SYSTEM : topology.component(sourceTask);
        streamName = component == null ? null : streams.name(component, stream);
    }

    private Tuple tuple() {
        if (streamName == null) {
            throw new IllegalArgumentException("task " + sourceTask + " has no stream number " + stream);
        }
        int roots = reader.anchors();
        TupleId id = TupleId.NONE;
        if (roots == 1) {
            id = TupleId.of(reader.root(0), reader.edge(0));
        } else if (roots > 1) {
            id = manyRoots(roots);
        }
        List<Object> values = reader.values();
        return api.newTuple(context, values, component, sourceTask, streamName, id);
    }

    private TupleId manyRoots(int roots) {
        if (pairs.length < 2 * roots) {
            pairs = new long[2 * roots];
        }
        for (int i = 0; i < roots; i++) {
            pairs[2 * i] = reader.root(i);
            pairs[2 * i + 1] = reader.edge(i);
        }
        return TupleId.of(pairs, roots);
    }

    private String where() {
        if (component == null) {
            return ", from task " + section.sourceTask();
        }
        return ", from component '" + component + "', stream '" + streams.name(component, stream) + "', field "
                + streams.field(component, stream, reader.field());
    }
}
