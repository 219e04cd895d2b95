package io.petrel.host;

import java.util.Collection;
import java.util.List;
import java.util.Map;

/**
 * What a tuple is charged in a queue: a constant, strings and byte arrays exactly, other values by a size per class
 * that is taken from the first one and from every so many tuples. Thread: one.
 */
final class Charge {
    /** TupleImpl, TupleId, the list of values and its array. */
    static final int TUPLE = 144;

    /** Tuples; prime, so that no pattern of the user's keeps step with it. */
    static final int SAMPLE_EVERY = 251;
    private static final int MAX_DEPTH = 3;
    private static final int MAX_ELEMENTS = 64;
    private static final int CLASSES = 16;

    /** Sampled sizes by class, in the order in which they came; a class too many takes the place of another. */
    private final Class<?>[] types = new Class<?>[CLASSES];
    private final int[] sizes = new int[CLASSES];
    /** Tuples until one is looked at again. */
    private int left = SAMPLE_EVERY;
    private int used;
    private int turn;

    int of(List<Object> values) {
        if (--left < 0) {
            left = SAMPLE_EVERY - 1;
        }
        long sum = TUPLE;
        // A list that is not random access is rare; its iterator is the user's business.
        for (int i = 0, n = values.size(); i < n; i++) {
            sum += of(values.get(i));
        }
        return (int) Math.min(sum, Integer.MAX_VALUE / 256);
    }

    private long of(Object value) {
        if (value == null) {
            return 4;
        }
        if (value instanceof String) {
            // Up to two bytes a character; the cheaper form is not visible from here.
            return 48 + 2L * ((String) value).length();
        }
        if (value instanceof Number || value instanceof Boolean || value instanceof Character) {
            return 20;
        }
        if (value instanceof byte[]) {
            return 20 + ((byte[]) value).length;
        }
        return sampled(value);
    }

    private int sampled(Object value) {
        Class<?> type = value.getClass();
        for (int i = 0; i < used; i++) {
            if (types[i] == type) {
                return left == 0 ? measured(i, value) : sizes[i];
            }
        }
        int place = used < CLASSES ? used++ : turn++ & CLASSES - 1;
        types[place] = type;
        return measured(place, value);
    }

    private int measured(int place, Object value) {
        sizes[place] = (int) Math.min(Integer.MAX_VALUE / 256, walk(value, 0));
        return sizes[place];
    }

    private static long walk(Object value, int depth) {
        if (value == null) {
            return 4;
        }
        if (value instanceof String) {
            return 48 + 2L * ((String) value).length();
        }
        if (value instanceof byte[]) {
            return 20 + ((byte[]) value).length;
        }
        if (value.getClass().isArray() && value.getClass().getComponentType().isPrimitive()) {
            return 20 + 8L * java.lang.reflect.Array.getLength(value);
        }
        if (depth == MAX_DEPTH) {
            return 64;
        }
        try {
            if (value instanceof Collection) {
                return elements((Collection<?>) value, ((Collection<?>) value).size(), depth);
            }
            if (value instanceof Map) {
                Map<?, ?> map = (Map<?, ?>) value;
                return 48 * (long) map.size() + elements(map.keySet(), map.size(), depth)
                        + elements(map.values(), map.size(), depth);
            }
            if (value instanceof Object[]) {
                Object[] array = (Object[]) value;
                return elements(java.util.Arrays.asList(array), array.length, depth);
            }
        } catch (RuntimeException e) {
            // Another thread may change the collection while we look: a guess is good enough.
            return 256;
        }
        return 64;
    }

    private static long elements(Collection<?> elements, int size, int depth) {
        long sum = 0;
        int seen = 0;
        for (Object element : elements) {
            sum += 8 + walk(element, depth + 1);
            if (++seen == MAX_ELEMENTS) {
                break;
            }
        }
        return 48 + (seen == 0 ? 0 : sum * size / seen);
    }
}
