package io.petrel.host;

import java.util.Collections;
import java.util.List;

/** Task ids of the whole topology, as tables that the emit path indexes. Immutable. */
public final class Topology {
    private final String[] componentOf;
    private final int[] executorOf;
    private final List<Integer>[] single;

    /**
     * @param componentOf by task id; index 0 unused
     * @param executorOf index of the local executor by task id; -1 = not here, or never sent to
     */
    @SuppressWarnings("unchecked")
    public Topology(String[] componentOf, int[] executorOf) {
        this.componentOf = componentOf.clone();
        this.executorOf = executorOf.clone();
        this.single = new List[componentOf.length];
        for (int task = 0; task < single.length; task++) {
            single[task] = Collections.singletonList(task);
        }
    }

    /** Null for a task that does not exist. */
    public String component(int task) {
        return task > 0 && task < componentOf.length ? componentOf[task] : null;
    }

    /** Index of the executor that runs the task. */
    public int executor(int task) {
        if (isLocal(task)) {
            return executorOf[task];
        }
        throw new IllegalArgumentException(
                "a grouping chose task " + task + " of " + component(task) + ", which does not run in this host");
    }

    /** True when the task runs in this host. */
    public boolean isLocal(int task) {
        return task > 0 && task < executorOf.length && executorOf[task] >= 0;
    }

    /** The one-element list that emit returns. */
    List<Integer> single(int task) {
        return single[task];
    }

    /** Highest task id. */
    public int lastTask() {
        return componentOf.length - 1;
    }
}
