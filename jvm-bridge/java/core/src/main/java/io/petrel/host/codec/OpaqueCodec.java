package io.petrel.host.codec;

/**
 * Carries the values that have no tag: Kryo, with the topology's registrations. Used by one thread; makes fresh arrays.
 */
public interface OpaqueCodec {
    /** @throws RuntimeException when the class cannot be serialised, as Storm's serializer does */
    byte[] encode(Object value);

    /** The bytes are hostile: a runtime exception is the answer to nonsense. */
    Object decode(byte[] bytes);
}
