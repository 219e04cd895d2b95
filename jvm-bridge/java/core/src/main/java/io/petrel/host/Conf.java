package io.petrel.host;

import java.util.Map;

/** Reads settings as Storm does: numbers of any class, booleans, defaults for what is absent or null. */
public final class Conf {
    private Conf() {}

    public static boolean bool(Map<String, Object> conf, String key, boolean otherwise) {
        Object value = conf.get(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Boolean) {
            return (Boolean) value;
        }
        throw wrong(key, value, "true or false");
    }

    public static long integer(Map<String, Object> conf, String key, long otherwise) {
        Object value = conf.get(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Number) {
            return ((Number) value).longValue();
        }
        if (value instanceof String) {
            try {
                return Long.parseLong((String) value);
            } catch (NumberFormatException e) {
                throw wrong(key, value, "a whole number");
            }
        }
        throw wrong(key, value, "a whole number");
    }

    public static double decimal(Map<String, Object> conf, String key, double otherwise) {
        Object value = conf.get(key);
        if (value == null) {
            return otherwise;
        }
        if (value instanceof Number) {
            return ((Number) value).doubleValue();
        }
        throw wrong(key, value, "a number");
    }

    public static String text(Map<String, Object> conf, String key, String otherwise) {
        Object value = conf.get(key);
        return value == null ? otherwise : value.toString();
    }

    /** As Storm decides whether tuples are tracked: absent means one acker per worker. */
    public static boolean hasAckers(Map<String, Object> conf) {
        return integer(conf, "topology.acker.executors", 1) > 0;
    }

    private static IllegalArgumentException wrong(String key, Object value, String wanted) {
        String shown = value.toString();
        shown = shown.length() > 100 ? shown.substring(0, 100) + "..." : shown;
        return new IllegalArgumentException(key + " is '" + shown + "'; set it to " + wanted);
    }
}
