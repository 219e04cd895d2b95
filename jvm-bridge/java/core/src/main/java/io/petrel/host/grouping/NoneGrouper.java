package io.petrel.host.grouping;

import java.util.List;

/** None grouping: a uniformly random target each time. */
final class NoneGrouper implements Grouper {
    private static final long GAMMA = 0x9E3779B97F4A7C15L;

    private final int[] targets;
    private long state;

    NoneGrouper(int[] targets, long seed) {
        this.targets = targets;
        this.state = seed;
    }

    @Override
    public int choose(int sourceTask, List<Object> values, int[] out) {
        long random = Groupers.mix(state += GAMMA);
        // High 32 bits times n, shifted back: uniform up to n / 2^32, without a division.
        out[0] = targets[(int) (((random >>> 32) * targets.length) >>> 32)];
        return 1;
    }

    @Override
    public int maxTargets() {
        return targets.length;
    }
}
