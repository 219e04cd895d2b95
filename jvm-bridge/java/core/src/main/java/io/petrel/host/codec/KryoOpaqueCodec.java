package io.petrel.host.codec;

import com.esotericsoftware.kryo.Kryo;
import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import java.util.Map;
import org.apache.storm.serialization.SerializationFactory;

/** The topology's own Kryo, made by Storm's factory from its conf: registrations, decorators and fallback as there. */
public final class KryoOpaqueCodec implements OpaqueCodec {
    private static final int FIRST_BUFFER = 1024;

    private final Kryo kryo;
    private final Output output = new Output(FIRST_BUFFER, -1);
    private final Input input = new Input(new byte[0]);

    public KryoOpaqueCodec(Map<String, Object> topologyConf) {
        kryo = SerializationFactory.getKryo(topologyConf);
    }

    @Override
    public byte[] encode(Object value) {
        output.setPosition(0);
        kryo.writeClassAndObject(output, value);
        return output.toBytes();
    }

    @Override
    public Object decode(byte[] bytes) {
        input.setBuffer(bytes);
        return kryo.readClassAndObject(input);
    }
}
