package io.petrel.host.codec;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * One tuple value to and from the tagged encoding. Classes are compared exactly: a subclass of ArrayList, a Float, a user's
 * object go through the {@link OpaqueCodec}, so that what arrives has the class that was sent. One owner.
 */
final class TaggedCodec {
    // More than this is only allocated when the elements have really come.
    private static final int MAX_PRESIZE = 256;

    private final OpaqueCodec opaque;

    TaggedCodec(OpaqueCodec opaque) {
        this.opaque = opaque;
    }

    void write(WireBuffer out, Object value) {
        write(out, value, 0);
    }

    private void write(WireBuffer out, Object value, int depth) {
        if (value == null) {
            out.u8(Tags.NULL);
            return;
        }
        Class<?> type = value.getClass();
        if (type == String.class) {
            out.text((String) value);
        } else if (type == Long.class) {
            long number = (Long) value;
            out.u8(Tags.LONG);
            out.varint((number << 1) ^ (number >> 63));
        } else if (type == Integer.class) {
            int number = (Integer) value;
            out.u8(Tags.INT);
            out.varint((number << 1) ^ (number >> 31));
        } else if (type == Double.class) {
            out.u8(Tags.DOUBLE);
            out.i64(Double.doubleToRawLongBits((Double) value));
        } else if (type == Boolean.class) {
            out.u8((Boolean) value ? Tags.TRUE : Tags.FALSE);
        } else if (type == byte[].class) {
            sized(out, Tags.BYTES, (byte[]) value);
        } else if (type == ArrayList.class && depth < Tags.MAX_DEPTH) {
            writeList(out, (ArrayList<?>) value, depth);
        } else if (type == HashMap.class && depth < Tags.MAX_DEPTH) {
            writeMap(out, (HashMap<?, ?>) value, depth);
        } else {
            sized(out, Tags.OPAQUE, opaque.encode(value));
        }
    }

    private static void sized(WireBuffer out, int tag, byte[] bytes) {
        out.u8(tag);
        out.varint(bytes.length);
        out.bytes(bytes);
    }

    private void writeList(WireBuffer out, ArrayList<?> list, int depth) {
        int size = list.size();
        out.u8(Tags.LIST);
        out.varint(size);
        for (int i = 0; i < size; i++) {
            write(out, list.get(i), depth + 1);
        }
    }

    private void writeMap(WireBuffer out, HashMap<?, ?> map, int depth) {
        out.u8(Tags.MAP);
        out.varint(map.size());
        for (Map.Entry<?, ?> entry : map.entrySet()) {
            write(out, entry.getKey(), depth + 1);
            write(out, entry.getValue(), depth + 1);
        }
    }

    /** @throws MalformedBatchException when the bytes break the encoding or the opaque codec refuses its part */
    Object read(WireInput in) {
        return read(in, 0);
    }

    private Object read(WireInput in, int depth) {
        int tag = in.u8();
        switch (tag) {
            case Tags.NULL:
                return null;
            case Tags.TRUE:
                return Boolean.TRUE;
            case Tags.FALSE:
                return Boolean.FALSE;
            case Tags.INT: {
                int number = in.varint32();
                return (number >>> 1) ^ -(number & 1);
            }
            case Tags.LONG: {
                long number = in.varint64();
                return (number >>> 1) ^ -(number & 1);
            }
            case Tags.DOUBLE:
                return Double.longBitsToDouble(in.i64());
            case Tags.LATIN1:
                return in.latin1();
            case Tags.UTF16:
                return in.utf16();
            case Tags.BYTES:
                return in.bytes(in.count(1, "bytes"));
            case Tags.LIST:
                return readList(in, depth);
            case Tags.MAP:
                return readMap(in, depth);
            case Tags.OPAQUE:
                return readOpaque(in);
            default:
                throw new MalformedBatchException("value tag " + tag + " at offset " + (in.offset() - 1)
                        + " is not known; tags go from 0 to " + Tags.OPAQUE);
        }
    }

    private List<Object> readList(WireInput in, int depth) {
        int count = in.count(1, "list elements");
        checkDepth(in, depth);
        ArrayList<Object> list = new ArrayList<>(Math.min(count, MAX_PRESIZE));
        for (int i = 0; i < count; i++) {
            list.add(read(in, depth + 1));
        }
        return list;
    }

    private Map<Object, Object> readMap(WireInput in, int depth) {
        int count = in.count(2, "map entries");
        checkDepth(in, depth);
        HashMap<Object, Object> map = new HashMap<>(Math.min(count, MAX_PRESIZE) * 4 / 3 + 1);
        for (int i = 0; i < count; i++) {
            Object key = read(in, depth + 1);
            map.put(key, read(in, depth + 1));
        }
        return map;
    }

    private static void checkDepth(WireInput in, int depth) {
        if (depth >= Tags.MAX_DEPTH) {
            throw new MalformedBatchException(
                    "lists and maps nest deeper than " + Tags.MAX_DEPTH + " at offset " + in.offset());
        }
    }

    private Object readOpaque(WireInput in) {
        int at = in.offset();
        byte[] bytes = in.bytes(in.count(1, "bytes"));
        try {
            return opaque.decode(bytes);
        } catch (RuntimeException e) {
            throw new MalformedBatchException(
                    "the " + bytes.length + " bytes of another class at offset " + at + " cannot be read: " + e, e);
        }
    }
}
