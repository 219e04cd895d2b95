package io.petrel.host.grouping;

import java.util.List;

/** Every target: all grouping; with one target, global grouping; with none, a component without tasks. */
final class AllGrouper implements Grouper {
    private final int[] targets;

    AllGrouper(int[] targets) {
        this.targets = targets;
    }

    @Override
    public int choose(int sourceTask, List<Object> values, int[] out) {
        System.arraycopy(targets, 0, out, 0, targets.length);
        return targets.length;
    }

    @Override
    public int maxTargets() {
        return targets.length;
    }
}
