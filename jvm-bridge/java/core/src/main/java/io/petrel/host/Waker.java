package io.petrel.host;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * The rule by which a wake-up is never lost and rarely paid for. The owner calls {@link #prepare}, looks once more at
 * everything it could be woken for, and only then parks; a producer makes its work visible and then calls {@link
 * #wake}, which costs one volatile read while the owner is awake.
 */
public final class Waker {
    private static final VarHandle SLEEPING;

    static {
        try {
            SLEEPING = MethodHandles.lookup().findVarHandle(Waker.class, "sleeping", int.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Parker parker;
    private volatile int sleeping;
    private volatile long parks;

    public Waker(Parker parker) {
        this.parker = parker;
    }

    /** Thread: the owner. Announces the sleep; look for work after it and before {@link #sleep}. */
    public void prepare() {
        sleeping = 1;
    }

    /** Thread: the owner. There was work after all. */
    public void cancel() {
        sleeping = 0;
    }

    /** Thread: the owner. Sleeps until woken, or so many nanoseconds. */
    public void sleep(long nanos) {
        if (sleeping != 0) {
            parker.park(nanos);
        }
        sleeping = 0;
        parks = parks + 1;
    }

    /** Thread: any. Call it after the work is visible. */
    public void wake() {
        if (sleeping != 0 && SLEEPING.compareAndSet(this, 1, 0)) {
            parker.unpark();
        }
    }

    /** The owner sleeps, or is about to. Thread: any. */
    boolean isAsleep() {
        return sleeping != 0;
    }

    /** Times that the owner slept. */
    public long parks() {
        return parks;
    }
}
