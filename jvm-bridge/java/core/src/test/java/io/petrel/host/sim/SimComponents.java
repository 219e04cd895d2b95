package io.petrel.host.sim;

import io.petrel.host.sim.Model.Attempt;
import io.petrel.host.sim.Model.Node;
import io.petrel.host.sim.SimPlan.Edge;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.storm.spout.ISpout;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.IBolt;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.tuple.Tuple;

/** The user code of a schedule: it does everything that users do, at random, and tells the model. */
final class SimComponents {
    private SimComponents() {}

    static List<Object> values(SimWorld world, Node node) {
        return new ArrayList<>(Arrays.asList(world.randomKey(), node, world.filler()));
    }

    static final class Spout implements ISpout {
        private final SimWorld world;
        private final SimPlan.Component component;
        private final int task;
        private final ArrayDeque<Attempt> replays = new ArrayDeque<>();
        private SpoutOutputCollector collector;
        private boolean active;
        int left;

        Spout(SimWorld world, SimPlan.Component component, int task, int roots) {
            this.world = world;
            this.component = component;
            this.task = task;
            this.left = roots;
        }

        @Override
        public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector out) {
            collector = out;
        }

        @Override
        public void nextTuple() {
            if (!active) {
                throw new Violation("ACTIVE", "nextTuple of task " + task + " while inactive");
            }
            world.checkPending(component, task);
            for (int i = world.emits(4); i > 0; i--) {
                Attempt failed = replays.poll();
                if (failed != null) {
                    emit(failed.replays + 1);
                } else if (left > 0 && world.mayEmit()) {
                    left--;
                    emit(0);
                }
                world.userCode();
            }
        }

        private void emit(int replay) {
            String stream = world.randomStream(component, false);
            boolean tracked = replay > 0 || world.random.nextInt(5) != 0;
            Attempt attempt = tracked ? world.model.attempt(task, world.clock.nanos(), replay) : null;
            Node node = world.model.emitting(
                    task, 0, 2 + world.random.nextInt(4), tracked ? List.of(attempt) : List.of());
            int direct = world.directTarget(component, stream);
            List<Integer> targets;
            if (direct > 0) {
                collector.emitDirect(direct, stream, values(world, node), attempt);
                targets = List.of(direct);
            } else {
                targets = collector.emit(stream, values(world, node), attempt);
            }
            world.model.emitted(node, List.copyOf(targets));
        }

        @Override
        public void ack(Object id) {
            world.model.spoutAck((Attempt) id, task);
        }

        @Override
        public void fail(Object id) {
            Attempt attempt = (Attempt) id;
            world.model.spoutFail(attempt, task, world.clock.nanos());
            if (attempt.replays < 2 && !world.finishing) {
                replays.add(attempt);
            }
        }

        @Override
        public void activate() {
            active = true;
        }

        @Override
        public void deactivate() {
            active = false;
        }

        @Override
        public void close() {}

        boolean isDone() {
            return left == 0 && replays.isEmpty();
        }

        /** No more roots and replays. */
        void finish() {
            left = 0;
            replays.clear();
        }
    }

    static final class Bolt implements IBolt {
        private final SimWorld world;
        private final SimPlan.Component component;
        private final int task;
        private final ArrayDeque<Tuple> held = new ArrayDeque<>();
        private OutputCollector collector;

        Bolt(SimWorld world, SimPlan.Component component, int task) {
            this.world = world;
            this.component = component;
            this.task = task;
        }

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector out) {
            collector = out;
        }

        @Override
        public void execute(Tuple tuple) {
            Node node = (Node) tuple.getValue(1);
            Edge edge = world.edge(tuple.getSourceComponent(), tuple.getSourceStreamId(), component);
            world.model.executed(
                    node, task, edge.name(), edge.kind() == io.petrel.host.grouping.GroupingSpec.Kind.FIELDS,
                    tuple.getString(0));
            world.userCode();
            int what = world.finishing ? 99 : world.random.nextInt(100);
            if (what < 12) {
                held.add(tuple);
                return;
            }
            if (what < 20 && !held.isEmpty()) {
                Tuple other = held.poll();
                emitChildren(List.of(other, tuple), 0);
                ack(other);
                ack(tuple);
                return;
            }
            if (what < 22) {
                // Never acked: the time-out has to notice.
                emitChildren(List.of(tuple), 0);
                return;
            }
            if (what < 26) {
                emitChildren(List.of(tuple), 0);
                fail(tuple);
                return;
            }
            if (what < 30) {
                collector.resetTimeout(tuple);
            }
            emitChildren(world.random.nextInt(8) == 0 ? List.of() : List.of(tuple), 0);
            world.userCode();
            ack(tuple);
            if (what < 34) {
                collector.ack(tuple);
                collector.fail(tuple);
            }
        }

        private void ack(Tuple tuple) {
            world.model.settled((Node) tuple.getValue(1), true);
            collector.ack(tuple);
        }

        private void fail(Tuple tuple) {
            world.model.settled((Node) tuple.getValue(1), false);
            collector.fail(tuple);
        }

        private void emitChildren(Collection<Tuple> anchors, int lane) {
            Set<Attempt> trees = new LinkedHashSet<>();
            int hops = 3;
            for (Tuple anchor : anchors) {
                Node parent = (Node) anchor.getValue(1);
                trees.addAll(parent.attempts);
                hops = Math.min(hops, parent.hops - 1);
            }
            for (int i = lane == 0 ? world.emits(3) : world.random.nextInt(3); i > 0 && world.mayEmit(); i--) {
                String stream = world.randomStream(component, hops <= 0);
                if (stream == null) {
                    return;
                }
                Node node = world.model.emitting(task, lane, hops, List.copyOf(trees));
                int direct = world.directTarget(component, stream);
                List<Integer> targets;
                if (direct > 0) {
                    collector.emitDirect(direct, stream, anchors, values(world, node));
                    targets = List.of(direct);
                } else {
                    targets = collector.emit(stream, anchors, values(world, node));
                }
                world.model.emitted(node, List.copyOf(targets));
            }
        }

        boolean holds() {
            return !held.isEmpty();
        }

        /** On a thread that is not the executor's: emits and settles what is held. */
        void foreignCall(boolean emit) {
            Tuple tuple = held.poll();
            if (emit) {
                emitChildren(List.of(tuple), 1);
            }
            if (!world.finishing && world.random.nextInt(10) == 0) {
                fail(tuple);
            } else {
                ack(tuple);
            }
        }

        @Override
        public void cleanup() {}
    }

    /** Between the engine and a bolt: loses, doubles or swaps tuples. */
    static final class MutantBolt implements IBolt {
        private final Bolt bolt;
        private final Mutation mutation;
        private Tuple kept;
        private int executions;

        MutantBolt(Bolt bolt, Mutation mutation) {
            this.bolt = bolt;
            this.mutation = mutation;
        }

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector out) {
            bolt.prepare(conf, context, out);
        }

        @Override
        public void execute(Tuple tuple) {
            boolean hit = ++executions % 10 == 0;
            if (hit && mutation == Mutation.DROP) {
                return;
            }
            if (mutation == Mutation.REORDER) {
                if (kept == null) {
                    kept = tuple;
                    return;
                }
                bolt.execute(tuple);
                bolt.execute(kept);
                kept = null;
                return;
            }
            bolt.execute(tuple);
            if (hit && mutation == Mutation.DUPLICATE) {
                bolt.execute(tuple);
            }
        }

        @Override
        public void cleanup() {}
    }
}
