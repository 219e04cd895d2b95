package io.petrel.host;

/** One in so many, at a random place in each run of so many, as Storm samples. Thread: one. */
final class Sampler {
    private final int every;
    private int at;
    private int target;
    private long state;

    /** @param rate 1 = all, 0.05 = one in twenty; 0 or less = none */
    Sampler(double rate, long seed) {
        every = rate <= 0 ? 0 : (int) Math.max(1, Math.min(1_000_000, Math.round(1 / rate)));
        state = seed | 1;
        target = next();
    }

    boolean take() {
        if (every <= 1) {
            return every == 1;
        }
        boolean hit = at == target;
        if (++at == every) {
            at = 0;
            target = next();
        }
        return hit;
    }

    private int next() {
        state ^= state << 13;
        state ^= state >>> 7;
        state ^= state << 17;
        return every == 0 ? 0 : (int) Long.remainderUnsigned(state, every);
    }
}
