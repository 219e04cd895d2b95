package io.petrel.host;

import java.util.Map;

/**
 * How long a spout that had nothing to emit waits on its inbox: 500 microseconds, 1 ms when it has been idle for long.
 * What the user has set in Storm's wait strategies wins. Thread: the executor's.
 */
final class SpoutPacing {
    private static final long SHORT_NANOS = 500_000L;
    private static final long LONG_NANOS = 1_000_000L;
    /** Half a second of short waits. */
    private static final int LONG_IDLE = 1000;

    private final long shortNanos;
    private final long longNanos;
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
        shortNanos = wanted == 0 ? SHORT_NANOS : wanted;
        longNanos = wanted == 0 ? LONG_NANOS : wanted;
    }

    void emitted() {
        empty = 0;
    }

    /** Nanoseconds of the next wait. */
    long next() {
        return ++empty > LONG_IDLE ? longNanos : shortNanos;
    }
}
