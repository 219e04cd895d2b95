package io.petrel.host;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * What travels in the order of the tuples of a source task without being one: a source has nothing more to say.
 *
 * @param kind {@link #DRAIN}
 * @param epoch the same on all hosts
 */
record Marker(byte kind, long epoch, int sourceTask) {
    static final byte DRAIN = 1;
    static final int BYTES = 13;
    /** What one is charged in a queue. */
    static final int CHARGE = 64;

    byte[] encode() {
        ByteBuffer out = ByteBuffer.allocate(BYTES).order(ByteOrder.LITTLE_ENDIAN);
        out.put(kind).putLong(epoch).putInt(sourceTask);
        return out.array();
    }

    /** @throws IllegalArgumentException when the bytes are not a marker */
    static Marker decode(byte[] bytes) {
        if (bytes.length != BYTES) {
            throw new IllegalArgumentException("a marker of " + bytes.length + " bytes; it has " + BYTES);
        }
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        return new Marker(in.get(), in.getLong(), in.getInt());
    }
}
