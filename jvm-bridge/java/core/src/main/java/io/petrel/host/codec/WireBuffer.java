package io.petrel.host.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.util.Arrays;

/** A growing byte array with the encoding's primitives. One owner. */
final class WireBuffer {
    private static final VarHandle I32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle I64 = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final int MAX_ARRAY = Integer.MAX_VALUE - 16;

    private long limit;
    private byte[] bytes;
    private int size;

    WireBuffer(int capacity) {
        this(capacity, MAX_ARRAY);
    }

    /** @param limit in bytes; what would make it longer is refused before anything is allocated */
    WireBuffer(int capacity, long limit) {
        this.limit = Math.min(limit, MAX_ARRAY);
        bytes = new byte[capacity];
    }

    /** Goes on in somebody's array, or in a larger copy of it. Of the bytes from {@code at} on at most {@code most}. */
    void use(byte[] array, int at, long most) {
        bytes = array;
        size = at;
        limit = Math.min(at + most, MAX_ARRAY);
    }

    byte[] array() {
        return bytes;
    }

    int size() {
        return size;
    }

    /** There would be more bytes than the limit. */
    static final class TooLongException extends IllegalArgumentException {
        private static final long serialVersionUID = 1;
        final long bytes;

        TooLongException(long bytes) {
            super(bytes + " bytes are above the limit of the buffer");
            this.bytes = bytes;
        }
    }

    /** Cuts back to an earlier size. */
    void truncate(int earlier) {
        size = earlier;
    }

    void u8(int value) {
        reserve(1);
        bytes[size++] = (byte) value;
    }

    void i32(int value) {
        reserve(4);
        I32.set(bytes, size, value);
        size += 4;
    }

    void i32At(int at, int value) {
        I32.set(bytes, at, value);
    }

    void i64(long value) {
        reserve(8);
        I64.set(bytes, size, value);
        size += 8;
    }

    void varint(int value) {
        reserve(5);
        if ((value & ~0x7F) == 0) {
            bytes[size++] = (byte) value;
            return;
        }
        while ((value & ~0x7F) != 0) {
            bytes[size++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        bytes[size++] = (byte) value;
    }

    void varint(long value) {
        reserve(10);
        while ((value & ~0x7FL) != 0) {
            bytes[size++] = (byte) (value | 0x80);
            value >>>= 7;
        }
        bytes[size++] = (byte) value;
    }

    void bytes(byte[] source) {
        reserve(source.length);
        System.arraycopy(source, 0, bytes, size, source.length);
        size += source.length;
    }

    /** Tag, length and units of a String, in the shorter of its two forms. */
    void text(String text) {
        text(text, CompactStrings.units(text));
    }

    /** @param latin1 its units, or null when they must be looked at */
    void text(String text, byte[] latin1) {
        int length = text.length();
        int start = size;
        reserve(6 + (long) length);
        bytes[size++] = Tags.LATIN1;
        varint(length);
        if (latin1 != null) {
            bytes(latin1);
        } else if (!narrow(text)) {
            size = start;
            utf16(text);
        }
    }

    /** Appends the units as a byte each; false, and nothing is appended, when one does not fit. */
    private boolean narrow(String text) {
        int length = text.length();
        for (int i = 0; i < length; i++) {
            char unit = text.charAt(i);
            if (unit > 0xFF) {
                return false;
            }
            bytes[size + i] = (byte) unit;
        }
        size += length;
        return true;
    }

    private void utf16(String text) {
        int length = text.length();
        reserve(6 + 2L * length);
        bytes[size++] = Tags.UTF16;
        varint(length);
        int at = size;
        for (int i = 0; i < length; i++) {
            char unit = text.charAt(i);
            bytes[at++] = (byte) unit;
            bytes[at++] = (byte) (unit >>> 8);
        }
        size = at;
    }

    private void reserve(long more) {
        if (more > bytes.length - size) {
            grow(more);
        }
    }

    private void grow(long more) {
        long needed = size + more;
        if (needed > limit) {
            throw new TooLongException(needed);
        }
        bytes = Arrays.copyOf(bytes, (int) Math.min(limit, Math.max(needed, 2L * bytes.length)));
    }
}
