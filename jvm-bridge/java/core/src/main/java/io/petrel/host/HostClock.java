package io.petrel.host;

/** Time as the host sees it. Tests give a manual one. Thread: any. */
public interface HostClock {
    /** Monotonic nanoseconds. */
    long nanos();

    /** Milliseconds since the epoch. */
    long wallMillis();

    HostClock SYSTEM = new HostClock() {
        @Override
        public long nanos() {
            return System.nanoTime();
        }

        @Override
        public long wallMillis() {
            return System.currentTimeMillis();
        }
    };
}
