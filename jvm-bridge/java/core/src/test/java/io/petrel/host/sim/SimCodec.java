package io.petrel.host.sim;

import io.petrel.host.codec.OpaqueCodec;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** The same object arrives that was sent: the model knows it by its identity. */
final class SimCodec implements OpaqueCodec {
    private final List<Object> sent = new ArrayList<>();

    @Override
    public synchronized byte[] encode(Object value) {
        sent.add(value);
        return ByteBuffer.allocate(4).putInt(sent.size() - 1).array();
    }

    @Override
    public synchronized Object decode(byte[] bytes) {
        return sent.get(ByteBuffer.wrap(bytes).getInt());
    }
}
