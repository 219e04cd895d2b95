package io.petrel.host;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * The streams of all components in the order by which batches number them: sorted, the system's among them. Immutable.
 */
public final class StreamTable {
    /** Of a component: its streams, sorted, and the fields of each. */
    private record Streams(String[] names, List<String>[] fields) {}

    private final Map<String, Streams> byComponent = new HashMap<>();

    /** @param streams component, stream, fields */
    @SuppressWarnings("unchecked")
    public StreamTable(Map<String, Map<String, List<String>>> streams) {
        streams.forEach((component, fieldsOf) -> {
            TreeMap<String, List<String>> sorted = new TreeMap<>(fieldsOf);
            byComponent.put(component, new Streams(sorted.keySet().toArray(new String[0]),
                    sorted.values().toArray(new List[0])));
        });
    }

    /** The number of a stream; -1 when the component does not declare it. */
    int index(String component, String stream) {
        Streams streams = byComponent.get(component);
        return streams == null ? -1 : Math.max(-1, java.util.Arrays.binarySearch(streams.names, stream));
    }

    /** Null when there is no such stream. */
    String name(String component, int index) {
        Streams streams = byComponent.get(component);
        return streams == null || index < 0 || index >= streams.names.length ? null : streams.names[index];
    }

    /** For an error: the field's name with its place. */
    String field(String component, int stream, int field) {
        Streams streams = byComponent.get(component);
        List<String> names =
                streams == null || stream < 0 || stream >= streams.fields.length ? List.of() : streams.fields[stream];
        return field >= 0 && field < names.size() ? "'" + names.get(field) + "' (number " + field + ")" : "number " + field;
    }
}
