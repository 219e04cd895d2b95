package io.petrel.host.grouping;

import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Shuffle that avoids full queues, with Storm's numbers: a ring of max(1000, 5 n) slots is filled in proportion to weights
 * of 1 to 100; at each refresh a target within 0.05 of the smallest load gains 1 and any other loses 10.
 *
 * <p>As in Storm, the targets of this worker are taken alone until their average load is above the higher bound, and again
 * when it has fallen below the lower one. (Storm has steps between, for the machine and the rack.)
 */
final class LoadAwareShuffleGrouper implements Grouper {
    static final int MIN_RING = 1000;
    static final int MAX_WEIGHT = 100;
    static final int MIN_WEIGHT = 1;
    static final int GAIN = 1;
    static final int LOSS = 10;
    static final double TOLERANCE = 0.05;

    private final int[] targets;
    /** True for those of this worker. */
    private final boolean[] near;

    private final double higherBound;
    private final double lowerBound;
    private final int[] weights;
    private final int capacity;
    /** Only near targets are taken. */
    private boolean nearOnly;

    private final SplittableRandom random;
    // Published by refreshLoad, read once per choice; a ring is never written after it was published.
    private volatile int[] ring;
    private int next;

    /** All targets are equally near. */
    LoadAwareShuffleGrouper(int[] targets, long seed) {
        this(targets, targets, 1, 0, seed);
    }

    /** @param nearTargets the part of the targets in this worker, sorted */
    LoadAwareShuffleGrouper(int[] targets, int[] nearTargets, double higherBound, double lowerBound, long seed) {
        this.targets = targets;
        this.higherBound = higherBound;
        this.lowerBound = lowerBound;
        this.near = new boolean[targets.length];
        int count = 0;
        for (int i = 0; i < targets.length; i++) {
            near[i] = Arrays.binarySearch(nearTargets, targets[i]) >= 0;
            count += near[i] ? 1 : 0;
        }
        if (count == 0) {
            Arrays.fill(near, true);
        }
        nearOnly = true;
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
        for (int i = 0; i < targets.length; i++) {
            loads[i] = load.load(targets[i]);
        }
        boolean changed = moveScope(loads);
        double min = Double.MAX_VALUE;
        for (int i = 0; i < targets.length; i++) {
            min = inScope(i) ? Math.min(min, loads[i]) : min;
        }
        for (int i = 0; i < targets.length; i++) {
            if (!inScope(i)) {
                continue;
            }
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

    /** True when the scope has changed; all weights begin anew then. */
    private boolean moveScope(double[] loads) {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < loads.length; i++) {
            sum += near[i] ? loads[i] : 0;
            count += near[i] ? 1 : 0;
        }
        double average = sum / count;
        boolean next = nearOnly ? average <= higherBound : average < lowerBound;
        if (next == nearOnly) {
            return false;
        }
        nearOnly = next;
        Arrays.fill(weights, MAX_WEIGHT);
        return true;
    }

    private boolean inScope(int index) {
        return !nearOnly || near[index];
    }

    int weight(int index) {
        return weights[index];
    }

    private int[] buildRing() {
        long sum = 0;
        int count = 0;
        for (int i = 0; i < targets.length; i++) {
            sum += inScope(i) ? weights[i] : 0;
            count += inScope(i) ? 1 : 0;
        }
        int[] slots = new int[capacity];
        int filled = 0;
        for (int i = 0; i < targets.length; i++) {
            if (inScope(i)) {
                int share = (int) (capacity * (long) weights[i] / sum);
                Arrays.fill(slots, filled, filled + share, targets[i]);
                filled += share;
            }
        }
        // What rounding left over goes round the targets that are not being avoided.
        for (int i = 0; filled < capacity; i = (i + 1) % targets.length) {
            if (inScope(i) && (long) weights[i] * count >= sum) {
                slots[filled++] = targets[i];
            }
        }
        ShuffleGrouper.shuffle(slots, capacity, random);
        return slots;
    }
}
