package io.petrel.host.grouping;

/** Makes groupers. */
public final class Groupers {
    private Groupers() {}

    /**
     * A grouper for one (executor, stream, subscribing component). A custom grouping is prepared here, on the calling
     * thread, with the sorted targets.
     */
    public static Grouper create(GroupingSpec spec) {
        int[] targets = spec.targets();
        if (spec.kind() == GroupingSpec.Kind.DIRECT) {
            return new DirectGrouper(targets);
        }
        if (spec.kind() == GroupingSpec.Kind.CUSTOM) {
            return CustomGrouper.prepare(spec);
        }
        if (targets.length == 0) {
            return new AllGrouper(targets);
        }
        switch (spec.kind()) {
            case FIELDS:
                return spec.fields().length == 1
                        ? new FieldsGrouper.Single(spec.fields()[0], targets)
                        : new FieldsGrouper(spec.fields(), targets);
            case GLOBAL:
                return new AllGrouper(new int[] {targets[0]});
            case ALL:
                return new AllGrouper(targets);
            case NONE:
                return new NoneGrouper(targets, spec.seed());
            case LOCAL_OR_SHUFFLE:
                return shuffle(spec.localTargets().length > 0 ? spec.localTargets() : targets, spec);
            case SHUFFLE:
                return shuffle(targets, spec);
            default:
                throw new IllegalStateException("no grouper for " + spec.kind());
        }
    }

    private static Grouper shuffle(int[] targets, GroupingSpec spec) {
        return spec.loadAware() && targets.length > 1
                ? new LoadAwareShuffleGrouper(
                        targets, spec.localTargets(), spec.higherBound(), spec.lowerBound(), spec.seed())
                : new ShuffleGrouper(targets, spec.seed());
    }

    /**
     * A seed that no two executors and no two edges of one executor share.
     *
     * @param base random, once per host process
     * @param firstTask first task of the emitting executor
     */
    public static long seed(long base, int firstTask, String stream, String targetComponent) {
        long mixed = mix(base + 0x9E3779B97F4A7C15L * (firstTask + 1L));
        for (String part : new String[] {stream, targetComponent}) {
            for (int i = 0; i < part.length(); i++) {
                mixed = mix(mixed + part.charAt(i));
            }
            mixed = mix(mixed ^ 0xD1B54A32D192ED03L);
        }
        return mixed;
    }

    /** The finaliser of splitmix64: a bijection whose output looks random. */
    static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }
}
