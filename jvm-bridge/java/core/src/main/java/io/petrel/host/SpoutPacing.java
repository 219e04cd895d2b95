package io.petrel.host;

import java.util.Map;

/**
 * How long a spout that had nothing to emit waits on its inbox: 500 microseconds, 1 ms when it has been idle for half a
 * second, 2 ms after five: a wait costs some 8 microseconds of CPU, with every spout and for as long as nothing comes. What
 * the user has set in Storm's wait strategies wins. Thread: the executor's.
 */
final class SpoutPacing {
    private static final long SHORT_NANOS = 500_000L;
    private static final long LONG_NANOS = 1_000_000L;
    private static final long LONGEST_NANOS = 2_000_000L;
    /** Half a second of short waits. */
    private static final int LONG_IDLE = 1000;
    /** Some five seconds of the long ones behind them. */
    private static final int LONGEST_IDLE = 5500;

    /** 0: it is ours to choose. */
    private final long wantedNanos;
    private int empty;

    SpoutPacing(Map<String, Object> conf) {
        String strategy =
                Conf.text(conf, "topology.spout.wait.strategy", "org.apache.storm.policy.WaitStrategyProgressive");
        long wanted = 0;
        if (strategy.endsWith(".WaitStrategyProgressive")) {
            long millis = Conf.integer(conf, "topology.spout.wait.progressive.level3.sleep.millis", 1);
            wanted = millis > 1 ? millis * 1_000_000L : 0;
        } else if (strategy.endsWith(".WaitStrategyPark")) {
            wanted = Math.max(1, Conf.integer(conf, "topology.spout.wait.park.microsec", 100)) * 1000L;
        } else if (strategy.endsWith(".SleepSpoutWaitStrategy")) {
            wanted = Math.max(1, Conf.integer(conf, "topology.sleep.spout.wait.strategy.time.ms", 1)) * 1_000_000L;
        }
        wantedNanos = wanted;
    }

    void emitted() {
        empty = 0;
    }

    /** Nanoseconds of the next wait. */
    long next() {
        if (wantedNanos != 0) {
            return wantedNanos;
        }
        if (empty < LONGEST_IDLE) {
            return ++empty > LONG_IDLE ? LONG_NANOS : SHORT_NANOS;
        }
        return LONGEST_NANOS;
    }
}
