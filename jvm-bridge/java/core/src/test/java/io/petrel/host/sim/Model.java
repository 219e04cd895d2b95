package io.petrel.host.sim;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What happened, as spouts and bolts saw it, and the rules that it must obey:
 *
 * <ul>
 *   <li>AMO: a tuple is executed at most once by each task that it was sent to, and by no other
 *   <li>ALO: an ack comes only when every tuple of the tree has been executed and acked; every attempt gets exactly one
 *       of ack and fail; a fail has a cause; without faults every tuple that was sent is executed
 *   <li>ORD: tuples from one (task, thread) reach a task in the order of their emits
 *   <li>FG1: on an edge with fields grouping all tuples with one key reach one task
 * </ul>
 */
final class Model {
    /** One emitted root with a message id: the message id object itself. */
    static final class Attempt {
        final int spoutTask;
        final long emittedAt;
        final int replays;
        int open;
        boolean failed;
        boolean done;

        Attempt(int spoutTask, long emittedAt, int replays) {
            this.spoutTask = spoutTask;
            this.emittedAt = emittedAt;
            this.replays = replays;
        }
    }

    /** One emit. */
    static final class Node {
        final int task;
        final int lane;
        final long order;
        final int hops;
        final List<Attempt> attempts;
        final Map<Integer, Integer> executed = new HashMap<>(4);
        List<Integer> targets;

        Node(int task, int lane, long order, int hops, List<Attempt> attempts) {
            this.task = task;
            this.lane = lane;
            this.order = order;
            this.hops = hops;
            this.attempts = attempts;
        }

        @Override
        public String toString() {
            return "emit " + order + " of task " + task + (lane == 0 ? "" : " by a foreign thread");
        }
    }

    private final Map<Long, Long> orders = new HashMap<>();
    private final Map<Long, Long> lastSeen = new HashMap<>();
    private final Map<String, Integer> taskOfKey = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private final List<Attempt> attempts = new ArrayList<>();
    private final long timeoutNanos;
    private final boolean acking;
    int acked;
    int failed;
    int executions;
    /** How often the rarer things happened, so that a test can see that they did. */
    int foreignEmits;
    int joins;
    int timeouts;
    int blockedWaits;
    int refusals;
    int sections;
    int linkRefusals;

    Model(long timeoutNanos, boolean acking) {
        this.timeoutNanos = timeoutNanos;
        this.acking = acking;
    }

    // --- spouts and bolts report -------------------------------------------------------------------------------------

    /** Before an emit. The lane is 0 for the executor's thread. */
    Node emitting(int task, int lane, int hops, List<Attempt> trees) {
        long order = orders.merge(task * 2L + lane, 1L, Long::sum);
        Node node = new Node(task, lane, order, hops, trees);
        nodes.add(node);
        foreignEmits += lane;
        joins += trees.size() > 1 ? 1 : 0;
        return node;
    }

    Attempt attempt(int spoutTask, long now, int replays) {
        Attempt attempt = new Attempt(spoutTask, now, replays);
        attempts.add(attempt);
        return attempt;
    }

    /** After the emit returned. */
    void emitted(Node node, List<Integer> targets) {
        node.targets = targets;
        for (Attempt attempt : node.attempts) {
            attempt.open += targets.size();
        }
    }

    void executed(Node node, int task, String edge, boolean fieldsGrouping, String key) {
        executions++;
        if (node.executed.merge(task, 1, Integer::sum) > 1) {
            throw new Violation("AMO", node + " was executed twice by task " + task);
        }
        if (node.targets != null && !node.targets.contains(task)) {
            throw new Violation("AMO", node + " was executed by task " + task + " but sent to " + node.targets);
        }
        long lane = ((long) node.task * 2 + node.lane) << 32 | task;
        Long last = lastSeen.put(lane, node.order);
        if (last != null && last > node.order) {
            throw new Violation("ORD", node + " reached task " + task + " after emit " + last);
        }
        if (fieldsGrouping) {
            Integer other = taskOfKey.putIfAbsent(edge + " " + key, task);
            if (other != null && other != task) {
                throw new Violation("FG1", "key " + key + " on " + edge + " went to task " + other + " and to " + task);
            }
        }
    }

    /** The first ack or fail of a copy. */
    void settled(Node node, boolean success) {
        for (Attempt attempt : node.attempts) {
            if (success) {
                attempt.open--;
            } else {
                attempt.failed = true;
            }
        }
    }

    void spoutAck(Attempt attempt, int task) {
        completed(attempt, task);
        acked++;
        if (acking && (attempt.failed || attempt.open != 0)) {
            throw new Violation("ALO", "a root of task " + task + " was acked with " + attempt.open
                    + " tuples not acked" + (attempt.failed ? ", after a fail" : ""));
        }
    }

    void spoutFail(Attempt attempt, int task, long now) {
        completed(attempt, task);
        failed++;
        timeouts += attempt.failed ? 0 : 1;
        if (!attempt.failed && now - attempt.emittedAt < timeoutNanos) {
            throw new Violation("ALO", "a root of task " + task + " failed without a cause after "
                    + (now - attempt.emittedAt) + " ns");
        }
    }

    private void completed(Attempt attempt, int task) {
        if (attempt.spoutTask != task) {
            throw new Violation("ALO", "task " + task + " heard of a root of task " + attempt.spoutTask);
        }
        if (attempt.done) {
            throw new Violation("ALO", "a root of task " + task + " was completed twice");
        }
        attempt.done = true;
    }

    /** All tuples for these tasks whose emit has returned have been executed. */
    void checkDrained(int firstTask, int lastTask) {
        for (Node node : nodes) {
            for (int target : node.targets == null ? List.<Integer>of() : node.targets) {
                if (target >= firstTask && target <= lastTask && !node.executed.containsKey(target)) {
                    throw new Violation("DRAIN", node + " to task " + target + " came after the markers");
                }
            }
        }
    }

    // --- at the end --------------------------------------------------------------------------------------------------

    void checkEnd() {
        for (Attempt attempt : attempts) {
            if (!attempt.done) {
                throw new Violation("ALO", "a root of task " + attempt.spoutTask + " never got an ack or a fail");
            }
        }
        for (Node node : nodes) {
            if (node.targets == null) {
                throw new Violation("QUIET", node + " never returned");
            }
            for (int target : node.targets) {
                if (!node.executed.containsKey(target)) {
                    throw new Violation("ALO", node + " to task " + target + " got lost");
                }
            }
        }
    }

    int attempts() {
        return attempts.size();
    }
}
