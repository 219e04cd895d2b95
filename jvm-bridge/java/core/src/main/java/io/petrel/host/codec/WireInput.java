package io.petrel.host.codec;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/** Reads hostile bytes: every length and count is compared with what is left before it is used. One owner. */
final class WireInput {
    private static final VarHandle I32 = MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle I64 = MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);
    private static final VarHandle I16 = MethodHandles.byteArrayViewVarHandle(char[].class, ByteOrder.LITTLE_ENDIAN);

    private byte[] bytes = new byte[0];
    private int base;
    private int at;
    private int end;

    void reset(byte[] source, int offset, int length) {
        bytes = source;
        base = offset;
        at = offset;
        end = offset + length;
    }

    /** Offset from the start, for errors. */
    int offset() {
        return at - base;
    }

    int position() {
        return at;
    }

    void position(int position) {
        at = position;
    }

    int remaining() {
        return end - at;
    }

    /** Narrows the input to the next {@code length} bytes; returns the end to {@link #restore}. */
    int narrow(int length) {
        int outer = end;
        end = at + length;
        return outer;
    }

    void restore(int outerEnd) {
        end = outerEnd;
    }

    int u8() {
        need(1, "a byte");
        return bytes[at++] & 0xFF;
    }

    int i32() {
        need(4, "a number");
        int value = (int) I32.get(bytes, at);
        at += 4;
        return value;
    }

    long i64() {
        need(8, "a number");
        long value = (long) I64.get(bytes, at);
        at += 8;
        return value;
    }

    /** An unsigned varint of 32 bits, as the int with these bits. */
    int varint32() {
        if (at < end && bytes[at] >= 0) {
            return bytes[at++];
        }
        return (int) varint(32);
    }

    long varint64() {
        if (at < end && bytes[at] >= 0) {
            return bytes[at++];
        }
        return varint(64);
    }

    private long varint(int bits) {
        long result = 0;
        for (int shift = 0; shift < bits; shift += 7) {
            need(1, "a varint");
            int b = bytes[at++] & 0xFF;
            int room = bits - shift;
            if (room < 7 && (b >>> room) != 0) {
                break;
            }
            result |= (long) (b & 0x7F) << shift;
            if (b < 0x80) {
                if (b == 0 && shift != 0) {
                    throw new MalformedBatchException(
                            "varint ends in a zero byte at offset " + (offset() - 1) + "; the shortest form is required");
                }
                return result;
            }
        }
        throw new MalformedBatchException("varint at offset " + offset() + " does not fit in " + bits + " bits");
    }

    /** A count of things that take at least {@code leastBytes} each. */
    int count(int leastBytes, String what) {
        int count = varint32();
        if (Integer.compareUnsigned(count, remaining() / leastBytes) > 0) {
            throw new MalformedBatchException(Integer.toUnsignedString(count) + " " + what + " at offset " + offset()
                    + " cannot be in the " + remaining() + " bytes that are left");
        }
        return count;
    }

    byte[] bytes(int length) {
        byte[] copy = Arrays.copyOfRange(bytes, at, at + length);
        at += length;
        return copy;
    }

    String latin1() {
        int length = count(1, "bytes");
        String text = new String(bytes, at, length, StandardCharsets.ISO_8859_1);
        at += length;
        return text;
    }

    String utf16() {
        int length = count(2, "UTF-16 units");
        // Through char[]: the charset decoder would replace unpaired surrogates.
        char[] units = new char[length];
        for (int i = 0; i < length; i++) {
            units[i] = (char) I16.get(bytes, at + 2 * i);
        }
        at += 2 * length;
        return new String(units);
    }

    private void need(int count, String what) {
        if (remaining() < count) {
            throw new MalformedBatchException(what + " of " + count + " bytes at offset " + offset()
                    + " does not fit in the " + remaining() + " bytes that are left");
        }
    }
}
