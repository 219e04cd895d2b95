package io.petrel.host;

/** What the host tells the process around it; see jvm-bridge/README.md. Thread: any. */
public interface HostLink extends LedgerLink, TaskLinks {
    void prepared();

    void reportError(String component, int task, String text, long wallMillis);

    /** Usually does not return. */
    void die(String component, int task, String text, int exitCode);
}
