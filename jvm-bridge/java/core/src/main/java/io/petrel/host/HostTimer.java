package io.petrel.host;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;

/**
 * What happens by the clock: ticks, metrics, and the look at batches whose writer sits in user code. A step function,
 * as the executors are: {@link #runDue} does what is due and says when the next thing is.
 *
 * <p>Threads: {@link #every} any; {@link #runDue} one.
 */
public final class HostTimer {
    /** Between looks at open batches while there are some; then longer and longer. */
    private static final long SWEEP_NANOS = 1_000_000L;

    private static final long MAX_SWEEP_NANOS = 20_000_000L;

    private final HostClock clock;
    private final PriorityQueue<Entry> entries = new PriorityQueue<>((a, b) -> Long.signum(a.due - b.due));
    private volatile List<Executor> swept = List.of();
    private long sweepEvery = SWEEP_NANOS;
    private long nextSweep;

    public HostTimer(HostClock clock) {
        this.clock = clock;
        this.nextSweep = clock.nanos();
    }

    private static final class Entry {
        final long period;
        final Runnable action;
        long due;

        Entry(long period, long due, Runnable action) {
            this.period = period;
            this.due = due;
            this.action = action;
        }
    }

    /** Runs the action every so many nanoseconds, first after one period. It must not wait. */
    public void every(long periodNanos, Runnable action) {
        synchronized (entries) {
            entries.add(new Entry(periodNanos, clock.nanos() + periodNanos, action));
        }
    }

    /** The executors whose batches are looked after. */
    public void sweep(List<Executor> executors) {
        swept = new ArrayList<>(executors);
    }

    /** Does what is due; returns the nanoseconds until the next thing is. */
    public long runDue(long now) {
        for (Runnable action; (action = due(now)) != null;) {
            action.run();
        }
        if (now - nextSweep >= 0) {
            boolean any = false;
            for (Executor executor : swept) {
                any |= executor.isPrepared() && executor.sweep();
            }
            sweepEvery = any ? SWEEP_NANOS : Math.min(MAX_SWEEP_NANOS, 2 * sweepEvery);
            nextSweep = now + sweepEvery;
        }
        synchronized (entries) {
            long until = nextSweep - now;
            Entry first = entries.peek();
            return Math.max(1, first == null ? until : Math.min(until, first.due - now));
        }
    }

    private Runnable due(long now) {
        synchronized (entries) {
            Entry first = entries.peek();
            if (first == null || first.due - now > 0) {
                return null;
            }
            entries.poll();
            // After a long pause the missed ones are left out.
            long next = first.due + first.period;
            first.due = next - now > 0 ? next : now + first.period;
            entries.add(first);
            return first.action;
        }
    }
}
