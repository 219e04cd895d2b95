package io.petrel.host;

/** Where errors of user code go. Thread: any. */
public interface ErrorSink {
    /** An error to show; the host goes on. */
    void report(String component, int task, Throwable error);

    /** An error that ends the host. May return: the caller then ends its thread. */
    void die(String component, int task, Throwable error);
}
