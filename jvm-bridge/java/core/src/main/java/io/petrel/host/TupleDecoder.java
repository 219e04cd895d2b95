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
        String component = null;
        int stream = -1;
        int n = 0;
        try {
            int count = reader.reset(bytes, 0, bytes.length);
            if (count != tuples.length) {
                throw new IllegalArgumentException("the section says " + tuples.length + " tuples, its batch " + count);
            }
            while (reader.next()) {
                component = component(reader.sourceTask());
                stream = reader.stream();
                tuples[n++] = tuple(component, stream);
            }
        } catch (RuntimeException | StackOverflowError e) {
            throw new IllegalStateException("a tuple for task " + batch.destinationTask() + " of component '"
                    + topology.component(batch.destinationTask()) + "' cannot be read: number " + n + " of " + tuples.length
                    + where(component, stream, batch) + ": " + e.getMessage(), e);
        }
        batch.fill(tuples, tasks);
    }

    private Tuple tuple(String component, int stream) {
        String name = component == null ? null : streams.name(component, stream);
        if (name == null) {
            throw new IllegalArgumentException("task " + reader.sourceTask() + " has no stream number " + stream);
        }
        int roots = reader.anchors();
        TupleId id = TupleId.NONE;
        if (roots == 1) {
            id = TupleId.of(reader.root(0), reader.edge(0));
        } else if (roots > 1) {
            id = manyRoots(roots);
        }
        List<Object> values = reader.values();
        return api.newTuple(context, values, component, reader.sourceTask(), name, id);
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

    private String component(int task) {
        return task == Ticks.SYSTEM_TASK ? SYSTEM : topology.component(task);
    }

    private String where(String component, int stream, InboundBatch batch) {
        if (component == null) {
            return ", from task " + batch.sourceTask();
        }
        return ", from component '" + component + "', stream '" + streams.name(component, stream) + "', field "
                + streams.field(component, stream, reader.field());
    }
}
