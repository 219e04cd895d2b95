package io.petrel.host;

import java.util.concurrent.locks.LockSupport;

/** A parker for a real thread. */
public final class ThreadParker implements Parker {
    private volatile Thread owner;

    /** Thread: the owner, before its first park. */
    public void adopt(Thread thread) {
        owner = thread;
    }

    @Override
    public void park(long nanos) {
        LockSupport.parkNanos(this, nanos);
    }

    @Override
    public void unpark() {
        Thread thread = owner;
        if (thread != null) {
            LockSupport.unpark(thread);
        }
    }
}
