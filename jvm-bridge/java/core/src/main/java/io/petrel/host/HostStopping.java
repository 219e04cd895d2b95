package io.petrel.host;

/** Unwinds user code on a thread that has been told to end. Not an error of the user's. */
public final class HostStopping extends RuntimeException {
    private static final long serialVersionUID = 1;

    public HostStopping(String message) {
        super(message, new InterruptedException(message));
    }
}
