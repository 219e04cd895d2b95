package io.petrel.host;

import java.security.SecureRandom;

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

    /** From the system's entropy. */
    public static EdgeIds seeded(SecureRandom random) {
        return new EdgeIds(random.nextLong(), random.nextLong());
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
