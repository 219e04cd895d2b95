package io.petrel.host.grouping;

/** How full the input queues of tasks are. */
public interface LoadView {
    /** 0 = idle, 1 = full; 0 for a task that is not known. */
    double load(int task);
}
