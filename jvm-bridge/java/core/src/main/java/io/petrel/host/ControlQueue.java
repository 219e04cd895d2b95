package io.petrel.host;

import java.util.ArrayDeque;

/**
 * Rare things for an executor to do on its own thread: ticks, metrics, inserts of foreign emits. Ticks of a kind are
 * merged when the executor is too slow for them. Threads: writers any, one reader.
 */
final class ControlQueue {
    private static final int MAX_SAME = 8;

    private final Waker reader;
    private final ArrayDeque<Action> actions = new ArrayDeque<>();
    private volatile boolean any;

    ControlQueue(Waker reader) {
        this.reader = reader;
    }

    /** Something to do. */
    interface Action {
        void run() throws Exception;
    }

    /** Always accepted. */
    void add(Action action) {
        synchronized (actions) {
            actions.add(action);
            any = true;
        }
        reader.wake();
    }

    /** Dropped when the same object is already waiting several times. */
    void addPeriodic(Action action) {
        synchronized (actions) {
            int same = 0;
            for (Action waiting : actions) {
                same += waiting == action ? 1 : 0;
            }
            if (same >= MAX_SAME) {
                return;
            }
            actions.add(action);
            any = true;
        }
        reader.wake();
    }

    boolean isEmpty() {
        return !any;
    }

    /** Null when empty. Thread: the reader. */
    Action poll() {
        if (!any) {
            return null;
        }
        synchronized (actions) {
            Action action = actions.poll();
            any = !actions.isEmpty();
            return action;
        }
    }
}
