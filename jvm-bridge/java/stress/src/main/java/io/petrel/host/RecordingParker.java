package io.petrel.host;

/**
 * Remembers instead of sleeping. An owner that has prepared its sleep and found nothing to do only notes {@link #asleep}:
 * from there on it would be in park, and nothing but an unpark would bring it back.
 */
final class RecordingParker implements Parker {
    boolean asleep;
    private volatile boolean unparked;

    @Override
    public void park(long nanos) {
        throw new IllegalStateException("the owner only notes that it sleeps");
    }

    @Override
    public void unpark() {
        unparked = true;
    }

    /** The owner went to sleep and nobody woke it. Thread: after all actors. */
    boolean sleepsOn() {
        return asleep && !unparked;
    }
}
