package io.petrel.host.grouping;

import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.apache.storm.generated.GlobalStreamId;
import org.apache.storm.generated.Grouping;
import org.apache.storm.grouping.CustomStreamGrouping;
import org.apache.storm.task.WorkerTopologyContext;

/**
 * What a grouper is made from.
 *
 * @param fields indices of the grouping fields in the emitted tuple (kind FIELDS)
 * @param targets task ids of the subscribing component, sorted
 * @param localTargets the part of them in this worker, sorted
 * @param loadAware false when topology.disable.loadaware.messaging is set
 * @param custom the user's object, not yet prepared (kind CUSTOM)
 * @param seed from {@link Groupers#seed}: different for every executor and edge
 * @param higherBound average load of the near targets above which load-aware shuffle takes the far ones too
 * @param lowerBound average load of the near targets below which it goes back to them
 */
public record GroupingSpec(
        Kind kind,
        int[] fields,
        int[] targets,
        int[] localTargets,
        boolean loadAware,
        CustomStreamGrouping custom,
        WorkerTopologyContext context,
        GlobalStreamId stream,
        long seed,
        double higherBound,
        double lowerBound) {

    /** With Storm's default bounds. */
    public GroupingSpec(Kind kind, int[] fields, int[] targets, int[] localTargets, boolean loadAware,
            CustomStreamGrouping custom, WorkerTopologyContext context, GlobalStreamId stream, long seed) {
        this(kind, fields, targets, localTargets, loadAware, custom, context, stream, seed, 0.8, 0.2);
    }

    /** The same with the bounds of the topology's conf. */
    public GroupingSpec withBounds(double higher, double lower) {
        return new GroupingSpec(
                kind, fields, targets, localTargets, loadAware, custom, context, stream, seed, higher, lower);
    }

    /** Storm's groupings; "fields on no fields" is GLOBAL. */
    public enum Kind { FIELDS, GLOBAL, SHUFFLE, ALL, NONE, DIRECT, LOCAL_OR_SHUFFLE, CUSTOM }

    /**
     * From the Thrift union.
     *
     * @param outputFields the declared fields of the stream
     * @param custom makes the user's object of a custom_object or custom_serialized arm (differs between API lines)
     * @throws IllegalArgumentException when a grouping field is not declared, or the union is empty
     */
    public static GroupingSpec fromThrift(
            Grouping grouping,
            List<String> outputFields,
            int[] targets,
            int[] localTargets,
            boolean loadAware,
            Function<Grouping, CustomStreamGrouping> custom,
            WorkerTopologyContext context,
            GlobalStreamId stream,
            long seed) {
        Kind kind = kindOf(grouping);
        int[] fields = kind == Kind.FIELDS ? indices(grouping.get_fields(), outputFields) : new int[0];
        CustomStreamGrouping object = kind == Kind.CUSTOM ? custom.apply(grouping) : null;
        int[] sortedTargets = targets.clone();
        int[] sortedLocal = localTargets.clone();
        Arrays.sort(sortedTargets);
        Arrays.sort(sortedLocal);
        return new GroupingSpec(
                kind, fields, sortedTargets, sortedLocal, loadAware, object, context, stream, seed);
    }

    private static Kind kindOf(Grouping grouping) {
        if (grouping.is_set_fields()) {
            return grouping.get_fields().isEmpty() ? Kind.GLOBAL : Kind.FIELDS;
        }
        if (grouping.is_set_shuffle()) {
            return Kind.SHUFFLE;
        }
        if (grouping.is_set_all()) {
            return Kind.ALL;
        }
        if (grouping.is_set_none()) {
            return Kind.NONE;
        }
        if (grouping.is_set_direct()) {
            return Kind.DIRECT;
        }
        if (grouping.is_set_local_or_shuffle()) {
            return Kind.LOCAL_OR_SHUFFLE;
        }
        if (grouping.is_set_custom_object() || grouping.is_set_custom_serialized()) {
            return Kind.CUSTOM;
        }
        throw new IllegalArgumentException("a subscription names no grouping; set one arm of the Grouping union");
    }

    private static int[] indices(List<String> wanted, List<String> declared) {
        int[] result = new int[wanted.size()];
        for (int i = 0; i < result.length; i++) {
            result[i] = declared.indexOf(wanted.get(i));
            if (result[i] < 0) {
                throw new IllegalArgumentException(
                        "fields grouping on '" + wanted.get(i) + "', but the stream declares " + declared);
            }
        }
        return result;
    }
}
