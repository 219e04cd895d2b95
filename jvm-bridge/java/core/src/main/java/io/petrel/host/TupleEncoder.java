package io.petrel.host;

import io.petrel.host.codec.OpaqueCodec;
import io.petrel.host.codec.TupleWriter;
import java.util.List;
import java.util.function.Supplier;

/** Encodes the tuples of one writer for other hosts. One owner. */
final class TupleEncoder {
    private final StreamTable streams;
    private final TupleWriter writer;

    /** @param codecs makes the codec of classes without a tag; asked when the first of them comes */
    TupleEncoder(StreamTable streams, Supplier<OpaqueCodec> codecs, long maxTupleBytes) {
        this.streams = streams;
        this.writer = new TupleWriter(new LazyOpaqueCodec(codecs), maxTupleBytes);
    }

    /**
     * Appends the tuple to the batch; the number of entries after it.
     *
     * @throws IllegalArgumentException naming component, stream and field of a value that cannot be encoded; the batch is
     *     then as it was
     */
    int encode(EncodedBatch batch, String component, int task, int stream, TupleId id, List<Object> values) {
        try {
            writer.begin(task, stream);
            for (int i = 0, n = id.roots(); i < n; i++) {
                writer.anchor(id.root(i), id.edge(i));
            }
            return batch.add(writer, values);
        } catch (RuntimeException | StackOverflowError e) {
            throw new IllegalArgumentException("component '" + component + "', stream '" + streams.name(component, stream)
                    + "', field " + streams.field(component, stream, writer.field())
                    + " cannot go to another process: " + e.getMessage(), e);
        }
    }
}
