package io.petrel.host;

import java.util.Map;

/**
 * What an executor runs.
 *
 * @param conf of the component
 * @param queueLimitBytes limit of the input queue
 * @param hardCapBytes refused output above which emit blocks
 */
public record ExecutorSpec(
        String component,
        int firstTask,
        int lastTask,
        boolean spout,
        Map<String, Object> conf,
        long queueLimitBytes,
        long hardCapBytes) {

    /** As Storm names it: the thread's name and log lines show it. */
    public String name() {
        return component + "-executor[" + firstTask + ", " + lastTask + "]";
    }

    public int tasks() {
        return lastTask - firstTask + 1;
    }
}
