package io.petrel.host.grouping;

import java.util.Arrays;
import java.util.List;

/** Storm's hash of grouping values: Arrays.deepHashCode of the selected values, without making the array. */
public final class FieldsHash {
    private FieldsHash() {}

    /** The hash of the values at the indices, in that order. */
    public static int hash(List<Object> values, int[] indices) {
        int result = 1;
        for (int index : indices) {
            result = 31 * result + hashOne(values.get(index));
        }
        return result;
    }

    /** The hash of a key of one value. */
    public static int hashSingle(Object value) {
        return 31 + hashOne(value);
    }

    /** How one value counts: null 0, arrays by content to any depth, all else by its own hashCode. */
    static int hashOne(Object value) {
        if (value == null) {
            return 0;
        }
        if (value.getClass() == String.class || !value.getClass().isArray()) {
            return value.hashCode();
        }
        return hashArray(value);
    }

    private static int hashArray(Object value) {
        if (value instanceof Object[]) {
            return Arrays.deepHashCode((Object[]) value);
        }
        if (value instanceof byte[]) {
            return Arrays.hashCode((byte[]) value);
        }
        if (value instanceof int[]) {
            return Arrays.hashCode((int[]) value);
        }
        if (value instanceof long[]) {
            return Arrays.hashCode((long[]) value);
        }
        if (value instanceof double[]) {
            return Arrays.hashCode((double[]) value);
        }
        if (value instanceof float[]) {
            return Arrays.hashCode((float[]) value);
        }
        if (value instanceof char[]) {
            return Arrays.hashCode((char[]) value);
        }
        if (value instanceof short[]) {
            return Arrays.hashCode((short[]) value);
        }
        return Arrays.hashCode((boolean[]) value);
    }
}
