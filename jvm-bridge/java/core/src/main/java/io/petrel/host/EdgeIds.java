package io.petrel.host;

import java.util.function.LongSupplier;

/**
 * Random edge ids: xorshift128+, seeded apart, so that two tasks or two threads never draw the same ids (the XOR of a
 * tuple tree is only safe then). Thread: one.
 */
public final class EdgeIds {
    private long s0;
    private long s1;

    public EdgeIds(long seed0, long seed1) {
        s0 = seed0;
        s1 = seed1 == 0 ? 0x9E3779B97F4A7C15L : seed1;
    }

    /** @param seeds a seed no one else has drawn, at each call */
    public static EdgeIds seeded(LongSupplier seeds) {
        return new EdgeIds(seeds.getAsLong(), seeds.getAsLong());
    }

    /** Never 0: an edge of 0 would not show in the XOR. */
    public long next() {
        for (;;) {
            long x = s0;
            long y = s1;
            s0 = y;
            x ^= x << 23;
            s1 = x ^ y ^ (x >>> 17) ^ (y >>> 26);
            long result = s1 + y;
            if (result != 0) {
                return result;
            }
        }
    }
}
