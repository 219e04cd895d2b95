package io.petrel.host.grouping;

import java.util.List;

/** Fields grouping: floorMod(hash of the selected values, targets) into the sorted targets, as Storm chooses. */
final class FieldsGrouper implements Grouper {
    private final int[] indices;
    private final int[] targets;

    FieldsGrouper(int[] indices, int[] targets) {
        this.indices = indices;
        this.targets = targets;
    }

    @Override
    public int choose(int sourceTask, List<Object> values, int[] out) {
        out[0] = targets[Math.floorMod(FieldsHash.hash(values, indices), targets.length)];
        return 1;
    }

    @Override
    public int maxTargets() {
        return targets.length;
    }

    /** One field: the usual case, most often a String, whose hash code is cached in the object. */
    static final class Single implements Grouper {
        private final int index;
        private final int[] targets;

        Single(int index, int[] targets) {
            this.index = index;
            this.targets = targets;
        }

        @Override
        public int choose(int sourceTask, List<Object> values, int[] out) {
            Object key = values.get(index);
            // The remainder is the dearest part; with one target there is nothing to choose.
            out[0] = targets.length == 1 ? targets[0] : targets[Math.floorMod(FieldsHash.hashSingle(key), targets.length)];
            return 1;
        }

        @Override
        public int maxTargets() {
            return targets.length;
        }
    }
}
