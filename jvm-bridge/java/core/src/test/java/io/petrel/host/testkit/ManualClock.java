package io.petrel.host.testkit;

import io.petrel.host.HostClock;

/** A clock that a test moves. */
public final class ManualClock implements HostClock {
    private volatile long nanos = 1_000_000_000L;

    @Override
    public long nanos() {
        return nanos;
    }

    @Override
    public long wallMillis() {
        return 1_700_000_000_000L + nanos / 1_000_000L;
    }

    public void advanceNanos(long by) {
        nanos += by;
    }

    public void advanceSeconds(double by) {
        nanos += (long) (by * 1e9);
    }
}
