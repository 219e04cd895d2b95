package io.petrel.host;

/**
 * Lets one thread sleep and others end its sleep. As with LockSupport, an unpark before the park ends the park at once,
 * and a park may end early without a reason.
 */
public interface Parker {
    /** Sleeps at most that long. Thread: the owner. */
    void park(long nanos);

    /** Thread: any. */
    void unpark();
}
