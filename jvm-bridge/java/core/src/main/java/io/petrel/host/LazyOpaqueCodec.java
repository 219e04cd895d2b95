package io.petrel.host;

import io.petrel.host.codec.OpaqueCodec;
import java.util.function.Supplier;

/** A codec that is made when it is first needed: a Kryo is large, and most tuples have no use for one. One owner. */
final class LazyOpaqueCodec implements OpaqueCodec {
    private final Supplier<OpaqueCodec> codecs;
    private OpaqueCodec codec;

    LazyOpaqueCodec(Supplier<OpaqueCodec> codecs) {
        this.codecs = codecs;
    }

    @Override
    public byte[] encode(Object value) {
        return codec().encode(value);
    }

    @Override
    public Object decode(byte[] bytes) {
        return codec().decode(bytes);
    }

    private OpaqueCodec codec() {
        if (codec == null) {
            codec = codecs.get();
        }
        return codec;
    }
}
