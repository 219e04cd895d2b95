package io.petrel.host.grouping;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Shuffle that avoids full queues, with Storm's numbers: a ring of max(1000, 5 n) slots is filled in proportion to weights
 * of 1 to 100; at each refresh a target within 0.05 of the smallest load gains 1 and any other loses 10.
 *
 * <p>All targets of one host are in one worker, so Storm's locality scopes do not differ here.
 */
final class LoadAwareShuffleGrouper implements Grouper {
    static final int MIN_RING = 1000;
    static final int MAX_WEIGHT = 100;
    static final int MIN_WEIGHT = 1;
    static final int GAIN = 1;
    static final int LOSS = 10;
    static final double TOLERANCE = 0.05;

    private final int[] targets;
    private final int[] weights;
    private final int capacity;
    private final SplittableRandom random;
    // Published by refreshLoad, read once per choice; a ring is never written after it was published.
    private volatile int[] ring;
    private int next;

    LoadAwareShuffleGrouper(int[] targets, long seed) {
        this.targets = targets;
        this.weights = new int[targets.length];
        Arrays.fill(weights, MAX_WEIGHT);
        this.capacity = Math.max(MIN_RING, 5 * targets.length);
        this.random = new SplittableRandom(seed);
        this.ring = buildRing();
    }

    @Override
    public int choose(int sourceTask, List<Object> values, int[] out) {
        int index = next;
        if (index >= capacity) {
            index = 0;
        }
        next = index + 1;
        out[0] = ring[index];
        return 1;
    }

    @Override
    public int maxTargets() {
        return targets.length;
    }

    @Override
    public boolean usesLoad() {
        return true;
    }

    @Override
    public synchronized void refreshLoad(LoadView load) {
        double[] loads = new double[targets.length];
        double min = Double.MAX_VALUE;
        for (int i = 0; i < targets.length; i++) {
            loads[i] = load.load(targets[i]);
            min = Math.min(min, loads[i]);
        }
        boolean changed = false;
        for (int i = 0; i < targets.length; i++) {
            int weight = loads[i] <= min + TOLERANCE
                    ? Math.min(MAX_WEIGHT, weights[i] + GAIN)
                    : Math.max(MIN_WEIGHT, weights[i] - LOSS);
            changed |= weight != weights[i];
            weights[i] = weight;
        }
        if (changed) {
            ring = buildRing();
        }
    }

    int weight(int index) {
        return weights[index];
    }

    private int[] buildRing() {
        long sum = 0;
        for (int weight : weights) {
            sum += weight;
        }
        int[] slots = new int[capacity];
        int filled = 0;
        for (int i = 0; i < targets.length; i++) {
            int share = (int) (capacity * (long) weights[i] / sum);
            Arrays.fill(slots, filled, filled + share, targets[i]);
            filled += share;
        }
        // What rounding left over goes round the targets that are not being avoided.
        for (int i = 0; filled < capacity; i = (i + 1) % targets.length) {
            if ((long) weights[i] * targets.length >= sum) {
                slots[filled++] = targets[i];
            }
        }
        ShuffleGrouper.shuffle(slots, capacity, random);
        return slots;
    }
}
