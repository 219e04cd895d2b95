package io.petrel.host;

/** How a spout waits when it had nothing to emit. Thread: the executor's. */
public interface SpoutWait {
    /**
     * Waits once.
     *
     * @param idle what the last call returned; 0 after an emit
     */
    int idle(int idle) throws InterruptedException;
}
