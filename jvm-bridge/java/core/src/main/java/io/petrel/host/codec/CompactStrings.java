package io.petrel.host.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The bytes inside of a String, which the JVM keeps as one for each unit where all units are below 256 (JEP 254). It shows
 * them only to who may read its fields ({@code --add-opens java.base/java.lang}, an option that petrel-jvm-host gives).
 * Thread-safe.
 */
final class CompactStrings {
    private static final byte LATIN1 = 0;
    private static final VarHandle CODER = field("coder", byte.class);
    private static final VarHandle VALUE = field("value", byte[].class);

    private CompactStrings() {}

    /** Its units, a byte each, never to be changed; null when that is not known, and they must be looked at one by one. */
    static byte[] units(String text) {
        if (CODER == null || VALUE == null || (byte) CODER.get(text) != LATIN1) {
            return null;
        }
        return (byte[]) VALUE.get(text);
    }

    private static VarHandle field(String name, Class<?> type) {
        try {
            return MethodHandles.privateLookupIn(String.class, MethodHandles.lookup())
                    .findVarHandle(String.class, name, type);
        } catch (ReflectiveOperationException | RuntimeException e) {
            return null;
        }
    }
}
