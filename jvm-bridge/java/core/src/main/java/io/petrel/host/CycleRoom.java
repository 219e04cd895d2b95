package io.petrel.host;

import java.util.concurrent.atomic.AtomicLong;

/**
 * How much may wait for an executor inside of its cycle. Edges inside a cycle never wait for credit, so a cycle that feeds back
 * more than it takes in grows without end: beyond this, what is fed back fails (or is dropped, when nobody tracks it), and the
 * user is told. Thread: any.
 */
final class CycleRoom {
    static final String SETTING = "petrel.cycle.max.bytes";
    private static final long TELL_EVERY_NANOS = 10_000_000_000L;

    private final ObjectQueue queue;
    private final long maxBytes;
    private final ExecutorSpec spec;
    private final Services services;
    private final AtomicLong refused = new AtomicLong();
    private final AtomicLong nextTell = new AtomicLong(Long.MIN_VALUE);

    CycleRoom(ObjectQueue queue, long maxBytes, ExecutorSpec spec, Services services) {
        this.queue = queue;
        this.maxBytes = maxBytes;
        this.spec = spec;
        this.services = services;
    }

    boolean isFull() {
        return queue.innerBytes() >= maxBytes;
    }

    /** So many tuples were not let in. */
    void refuse(int tuples) {
        long count = refused.addAndGet(tuples);
        long now = services.clock().nanos();
        long due = nextTell.get();
        if ((due == Long.MIN_VALUE || now - due >= 0) && nextTell.compareAndSet(due, now + TELL_EVERY_NANOS)) {
            services.errors().report(spec.component(), spec.firstTask(), new IllegalStateException("the cycle that component '"
                    + spec.component() + "' is in feeds back more than it takes in: " + maxBytes
                    + " bytes wait for task " + spec.firstTask() + ", so " + count + " tuples that were sent to it inside the cycle"
                    + " have failed so far (or were dropped, where they were not anchored). Let fewer tuples return, or raise "
                    + SETTING + " when it only comes in bursts"));
        }
    }
}
