package io.petrel.host.grouping;

import java.util.List;
import java.util.SplittableRandom;

/**
 * Shuffle without load: round robin over the targets in an order drawn once from the seed. After k full rounds
 * every target has exactly k tuples, as with Storm's shuffle when load-aware messaging is off.
 */
final class ShuffleGrouper implements Grouper {
    private final int[] order;
    private final SplittableRandom random;
    private int next;

    ShuffleGrouper(int[] targets, long seed) {
        order = targets.clone();
        random = new SplittableRandom(seed);
        shuffle(order, order.length, random);
    }

    @Override
    public int choose(int sourceTask, List<Object> values, int[] out) {
        int index = next;
        if (index >= order.length) {
            index = 0;
        }
        next = index + 1;
        out[0] = order[index];
        return 1;
    }

    @Override
    public int maxTargets() {
        return order.length;
    }

    static void shuffle(int[] array, int length, SplittableRandom random) {
        for (int i = length - 1; i > 0; i--) {
            int j = random.nextInt(i + 1);
            int held = array[i];
            array[i] = array[j];
            array[j] = held;
        }
    }
}
