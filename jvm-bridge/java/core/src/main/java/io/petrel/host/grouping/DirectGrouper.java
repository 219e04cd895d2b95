package io.petrel.host.grouping;

import java.util.List;

/** Direct grouping: the emitter names the task, so there is nothing to choose. */
final class DirectGrouper implements Grouper {
    private final int[] targets;

    DirectGrouper(int[] targets) {
        this.targets = targets;
    }

    @Override
    public int choose(int sourceTask, List<Object> values, int[] out) {
        throw new IllegalArgumentException("Cannot do regular emit to direct stream");
    }

    @Override
    public int maxTargets() {
        return targets.length;
    }

    @Override
    public boolean isDirect() {
        return true;
    }
}
