package io.petrel.host.sim;

import io.petrel.host.grouping.GroupingSpec;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/** A random topology: spouts, layers of bolts, every grouping, sometimes a cycle. */
final class SimPlan {
    static final GroupingSpec.Kind[] KINDS = {
        GroupingSpec.Kind.SHUFFLE, GroupingSpec.Kind.FIELDS, GroupingSpec.Kind.ALL, GroupingSpec.Kind.GLOBAL,
        GroupingSpec.Kind.NONE, GroupingSpec.Kind.LOCAL_OR_SHUFFLE, GroupingSpec.Kind.CUSTOM
    };
    static final String DIRECT = "direct";
    static final String BACK = "back";

    static final class Component {
        final String name;
        final boolean spout;
        final int firstTask;
        final int tasks;
        final int executors;
        final int layer;

        Component(String name, boolean spout, int firstTask, int tasks, int executors, int layer) {
            this.name = name;
            this.spout = spout;
            this.firstTask = firstTask;
            this.tasks = tasks;
            this.executors = executors;
            this.layer = layer;
        }

        int[] taskIds() {
            int[] ids = new int[tasks];
            for (int i = 0; i < tasks; i++) {
                ids[i] = firstTask + i;
            }
            return ids;
        }
    }

    record Edge(Component from, String stream, Component to, GroupingSpec.Kind kind, boolean loadAware, boolean inner) {
        String name() {
            return from.name + "/" + stream + "->" + to.name;
        }
    }

    final List<Component> components = new ArrayList<>();
    final List<Edge> edges = new ArrayList<>();
    /** The first and last layer of the cycle; no cycle when they are equal. */
    int cycleFrom;

    int cycleTo;

    SimPlan(Random random) {
        int task = 1;
        int spouts = 1 + random.nextInt(2);
        int bolts = 1 + random.nextInt(4);
        for (int i = 0; i < spouts + bolts; i++) {
            int tasks = 1 + random.nextInt(3);
            boolean spout = i < spouts;
            components.add(new Component(
                    (spout ? "spout" : "bolt") + i, spout, task, tasks, 1 + random.nextInt(tasks),
                    spout ? 0 : i - spouts + 1));
            task += tasks;
        }
        if (bolts >= 2 && random.nextInt(3) == 0) {
            cycleFrom = 1 + random.nextInt(bolts - 1);
            cycleTo = cycleFrom + 1 + random.nextInt(bolts - cycleFrom);
        }
        for (Component to : components) {
            if (!to.spout) {
                addInputs(to, random);
            }
        }
        if (cycleTo > cycleFrom) {
            Component last = bolt(cycleTo);
            edges.add(new Edge(last, BACK, bolt(cycleFrom), kind(random), random.nextBoolean(), true));
        }
    }

    private void addInputs(Component to, Random random) {
        List<Component> earlier = new ArrayList<>();
        for (Component from : components) {
            if (from.layer < to.layer) {
                earlier.add(from);
            }
        }
        int inputs = 1 + random.nextInt(Math.min(2, earlier.size()));
        for (int i = 0; i < inputs; i++) {
            Component from = earlier.remove(random.nextInt(earlier.size()));
            add(from, "s" + random.nextInt(2), to, kind(random), random);
        }
        // Every layer of a cycle follows the one before it, so that the whole cycle is one.
        if (to.layer > cycleFrom && to.layer <= cycleTo) {
            add(bolt(to.layer - 1), "chain", to, kind(random), random);
        }
        if (random.nextInt(5) == 0) {
            add(components.get(random.nextInt(components.indexOf(to))), DIRECT, to, GroupingSpec.Kind.DIRECT, random);
        }
    }

    private void add(Component from, String stream, Component to, GroupingSpec.Kind kind, Random random) {
        if (from.layer < to.layer) {
            edges.add(new Edge(from, stream, to, kind, random.nextBoolean(), inCycle(from) && inCycle(to)));
        }
    }

    boolean inCycle(Component component) {
        return cycleTo > cycleFrom && component.layer >= cycleFrom && component.layer <= cycleTo;
    }

    private Component bolt(int layer) {
        for (Component component : components) {
            if (component.layer == layer) {
                return component;
            }
        }
        throw new IllegalStateException("no bolt in layer " + layer);
    }

    private static GroupingSpec.Kind kind(Random random) {
        return KINDS[random.nextInt(KINDS.length)];
    }

    List<Edge> outputs(Component from) {
        List<Edge> outputs = new ArrayList<>();
        for (Edge edge : edges) {
            if (edge.from == from) {
                outputs.add(edge);
            }
        }
        return outputs;
    }

    Component of(int task) {
        for (Component component : components) {
            if (task >= component.firstTask && task < component.firstTask + component.tasks) {
                return component;
            }
        }
        throw new IllegalStateException("no component has task " + task);
    }

    int lastTask() {
        Component last = components.get(components.size() - 1);
        return last.firstTask + last.tasks - 1;
    }
}
