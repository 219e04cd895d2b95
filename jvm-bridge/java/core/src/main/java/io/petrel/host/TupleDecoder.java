package io.petrel.host;

import io.petrel.host.codec.BatchReader;
import io.petrel.host.codec.MalformedBatchException;
import io.petrel.host.codec.OpaqueCodec;
import java.util.Arrays;
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
    /** The source of the last tuple of this batch, and its names. */
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
     * Gives the batch its tuples.
     *
     * @throws IllegalStateException naming component, stream and field when the bytes cannot be read
     */
    void decode(InboundBatch batch) {
        byte[] bytes = batch.takeEncoded();
        Tuple[] tuples = new Tuple[batch.size()];
        int[] tasks = new int[tuples.length];
        Arrays.fill(tasks, batch.destinationTask());
        int n = 0;
        forget();
        try {
            int count = reader.reset(bytes, 0, bytes.length);
            if (count != tuples.length) {
                throw new IllegalArgumentException("the section says " + tuples.length + " tuples, its batch " + count);
            }
            while (reader.next()) {
                if (reader.sourceTask() != sourceTask || reader.stream() != stream) {
                    look();
                }
                tuples[n++] = tuple();
            }
        } catch (RuntimeException | StackOverflowError e) {
            throw new IllegalStateException("a tuple for task " + batch.destinationTask() + " of component '"
                    + topology.component(batch.destinationTask()) + "' cannot be read: number " + n + " of " + tuples.length
                    + where(batch) + ": " + e.getMessage(), e);
        }
        batch.fill(tuples, tasks);
    }

    /** An error names the source of its own batch. */
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

    private String where(InboundBatch batch) {
        if (component == null) {
            return ", from task " + batch.sourceTask();
        }
        return ", from component '" + component + "', stream '" + streams.name(component, stream) + "', field "
                + streams.field(component, stream, reader.field());
    }
}
