package io.petrel.host;

import java.util.Collections;
import java.util.List;

/** Task ids of the whole topology, as tables that the emit path indexes. Immutable. */
public final class Topology {
    private final String[] componentOf;
    private final int[] destinationOf;
    private final int localExecutors;
    private final long[] maskOf;
    private final List<Integer>[] single;

    /**
     * All tasks in one host.
     *
     * @param componentOf by task id; index 0 unused
     * @param executorOf index of the executor by task id; -1 = not here, or never sent to
     */
    public Topology(String[] componentOf, int[] executorOf) {
        this(componentOf, executorOf, Integer.MAX_VALUE, new long[executorOf.length]);
    }

    /**
     * @param componentOf by task id; index 0 unused
     * @param destinationOf index of the destination by task id: executors of this host first; -1 = never sent to
     * @param localExecutors from this index on, destinations are tasks of other hosts
     * @param maskOf by task id: the bit of the task's host in ack records; 0 for this host's own
     */
    @SuppressWarnings("unchecked")
    public Topology(String[] componentOf, int[] destinationOf, int localExecutors, long[] maskOf) {
        this.componentOf = componentOf.clone();
        this.destinationOf = destinationOf.clone();
        this.localExecutors = localExecutors;
        this.maskOf = maskOf.clone();
        this.single = new List[componentOf.length];
        for (int task = 0; task < single.length; task++) {
            single[task] = Collections.singletonList(task);
        }
    }

    /** Null for a task that does not exist. */
    public String component(int task) {
        return task > 0 && task < componentOf.length ? componentOf[task] : null;
    }

    /** Index of the destination through which the task is reached. */
    public int destination(int task) {
        int destination = task > 0 && task < destinationOf.length ? destinationOf[task] : -1;
        if (destination < 0) {
            throw new IllegalArgumentException(
                    "a grouping chose task " + task + " of " + component(task) + ", which runs in no host of the plan");
        }
        return destination;
    }

    /** True for a destination that is a task of another host. */
    boolean isRemote(int destination) {
        return destination >= localExecutors;
    }

    /** The bit of the task's host in ack records; 0 for this host, whose ledgers die with it. */
    long mask(int task) {
        return maskOf[task];
    }

    /** True when the task runs in this host. */
    public boolean isLocal(int task) {
        return task > 0 && task < destinationOf.length && destinationOf[task] >= 0
                && destinationOf[task] < localExecutors;
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
