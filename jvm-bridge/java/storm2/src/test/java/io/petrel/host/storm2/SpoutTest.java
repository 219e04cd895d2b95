package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.Executor;
import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.Stepper;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Max pending, activation, several tasks in an executor. */
class SpoutTest {
    @BeforeEach
    void clear() {
        Script.clear();
    }

    private static TopologyBuilder builder(Script.Spout spout, Script.BoltBody body, int tasks) {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", spout, 1).setNumTasks(tasks);
        builder.setBolt("t", Script.bolt("t", body)).shuffleGrouping("s");
        return builder;
    }

    private static Stepper open(TopologyBuilder builder, Map<String, Object> settings) throws Exception {
        return new Stepper(new Storm2Line(), builder.createTopology(), settings, Map.of(), 0).open();
    }

    @Test
    void maxPendingIsLookedAtBetweenCallsAndCountsPerTask() throws Exception {
        Script.Spout spout = Script.spout("s", s -> {
                                       for (int i = 0; i < 3; i++) {
                                           s.out.emit(new Values(1), "x");
                                       }
                                       Script.say("pending " + s.out.getPendingCount());
                                   }).stream("default", "v");
        Stepper stepper =
                open(builder(spout, (bolt, tuple) -> Script.see(tuple), 1), Map.of("topology.max.spout.pending", 10));
        stepper.settle();
        assertEquals(List.of("pending 3", "pending 6", "pending 9", "pending 12"), Script.log("pending"));
        Script.clear();
        Script.Spout two = Script.spout("s", s -> s.out.emit(new Values(1), "x")).stream("default", "v");
        open(builder(two, (bolt, tuple) -> Script.see(tuple), 2), Map.of("topology.max.spout.pending", 10)).settle();
        assertEquals(20, Script.seen().size(), "10 for each of two tasks");
    }

    @Test
    void aCompletionLetsTheSpoutGoOn() throws Exception {
        Script.Spout spout = Script.spout("s", s -> {
                                       if (s.calls <= 30) {
                                           s.out.emit(new Values(s.calls), s.calls);
                                       }
                                   }).stream("default", "v");
        open(builder(spout, (bolt, tuple) -> bolt.out.ack(tuple), 1), Map.of("topology.max.spout.pending", 4)).settle();
        assertEquals(30, Script.log("s ack").size());
    }

    @Test
    void emitsThatAreNotTrackedDoNotCountAsPending() throws Exception {
        Script.Spout spout = Script.spout("s", s -> {
                                       if (s.calls <= 50) {
                                           s.out.emit(new Values(s.calls));
                                       }
                                   }).stream("default", "v");
        open(builder(spout, (bolt, tuple) -> Script.see(tuple), 1), Map.of("topology.max.spout.pending", 2)).settle();
        assertEquals(50, Script.seen().size());
    }

    @Test
    void nextTupleIsCalledOnEveryTaskInTurn() throws Exception {
        Script.Spout spout = Script.spout("s", s -> {
                                       if (s.calls <= 3) {
                                           s.out.emit(new Values(s.context.getThisTaskId()), s.context.getThisTaskId());
                                       }
                                   }).stream("default", "v");
        open(builder(spout, (bolt, tuple) -> {
            Script.see(tuple.getInteger(0));
            bolt.out.ack(tuple);
        }, 3), Map.of()).settle();
        assertEquals(List.of(2, 3, 4, 2, 3, 4, 2, 3, 4), Script.seen());
        assertEquals(3, Script.log("s ack 2").size(), "acks come to the task that emitted");
        assertEquals(3, Script.log("s ack 4").size());
    }

    @Test
    void deactivationIsToldOnceAndEndsNextTuple() throws Exception {
        Script.Spout spout = Script.spout("s", s -> {
                                       Script.see(s.calls);
                                       s.out.emit(new Values(1), s.calls);
                                   }).stream("default", "v");
        Stepper stepper = open(builder(spout, (bolt, tuple) -> bolt.out.ack(tuple), 1), Map.of());
        for (int i = 0; i < 5; i++) {
            stepper.step();
        }
        stepper.runtime.setActive(false);
        stepper.settle();
        int calls = Script.seen().size();
        stepper.settle();
        assertEquals(calls, Script.seen().size());
        assertEquals(calls, Script.log("s ack").size(), "what was under way is acked while inactive");
        stepper.runtime.setActive(true);
        stepper.step();
        stepper.step();
        assertTrue(Script.seen().size() > calls);
        assertEquals(List.of("s open", "s activate", "s deactivate", "s activate"),
                Script.log("s ").stream().filter(line -> !line.startsWith("s ack")).toList());
    }

    @Test
    void aSpoutWithoutCreditIsNotCalledButHearsItsCompletions() throws Exception {
        Script.Spout spout =
                Script.spout("s", s -> s.out.emit(new Values("x".repeat(1000)), s.calls)).stream("default", "v");
        Stepper stepper = new Stepper(new Storm2Line(),
                builder(spout, (bolt, tuple) -> bolt.out.ack(tuple), 1).createTopology(), Map.of(), Map.of(), 20_000)
                                  .open();
        Executor s = stepper.executor("s");
        for (int i = 0; i < 2000 && !s.outbox().hasRefused(); i++) {
            s.runOnce();
            stepper.clock.advanceNanos(300_000);
        }
        assertTrue(s.outbox().hasRefused());
        long calls = Script.log("s ").size();
        assertFalse(s.runOnce(), "no credit: nothing to do");
        Executor t = stepper.executor("t");
        long before = t.queue().tuples();
        t.runOnce();
        assertTrue(t.queue().tuples() < before);
        t.runOnce();
        while (t.runOnce()) {
            // Drains the queue.
        }
        stepper.ledger.deliver(stepper.runtime);
        s.runOnce();
        assertTrue(Script.log("s ack").size() > 0);
        assertTrue(Script.log("s ").size() > calls);
    }

    @Test
    void theLedgerDoesNotRunInsideOfACallOfUserCode() throws Exception {
        FakeLedger[] ledger = new FakeLedger[1];
        Script.Spout spout = Script.spout("s", s -> {
                                       int calls = ledger[0].recordedCalls();
                                       int here = ledger[0].recordedHere();
                                       if (s.calls == 1) {
                                           s.out.emit(new Values(1), "own");
                                           s.out.flush();
                                       } else if (s.calls == 2) {
                                           Thread thread = new Thread(() -> s.out.emit(new Values(2), "foreign"));
                                           thread.start();
                                           thread.join();
                                       } else {
                                           return;
                                       }
                                       Script.see(ledger[0].recordedCalls() - calls);
                                       Script.see(ledger[0].recordedHere() - here);
                                   }).stream("default", "v");
        Stepper stepper = open(builder(spout, (bolt, tuple) -> bolt.out.ack(tuple), 1), Map.of());
        ledger[0] = stepper.ledger;
        stepper.settle();
        assertEquals(List.of(1, 0, 1, 0), Script.seen());
        assertEquals(2, Script.log("s ack").size());
    }

    @Test
    void anEmitFromAnotherThreadIsTrackedToo() throws Exception {
        Script.Spout spout = Script.spout("s", s -> {
                                       if (s.calls == 1) {
                                           Thread thread = new Thread(() -> {
                                               for (int i = 0; i < 100; i++) {
                                                   s.out.emit(new Values(i), "f" + i);
                                               }
                                           });
                                           thread.start();
                                           thread.join();
                                           s.out.emit(new Values(-1), "own");
                                       }
                                   }).stream("default", "v");
        Stepper stepper = open(builder(spout, (bolt, tuple) -> bolt.out.ack(tuple), 1), Map.of()).settle();
        Set<String> acked = new HashSet<>(Script.log("s ack"));
        assertEquals(101, acked.size());
        assertEquals(0, stepper.ledger.openTrees());
    }

    @Test
    void aUsersWaitStrategyIsCalled() throws Exception {
        CountingWait.calls = 0;
        Script.Spout spout = Script.spout("s", s -> {}).stream("default", "v");
        Stepper stepper = open(builder(spout, (bolt, tuple) -> {}, 1),
                Map.of("topology.spout.wait.strategy", "io.petrel.host.storm2.CountingWait"));
        Executor s = stepper.executor("s");
        s.runOnce();
        s.idle();
        s.runOnce();
        s.idle();
        assertEquals(2, CountingWait.calls);
    }

    @Test
    void tuplesOfAnExecutorWithSeveralTasksComeToTheirTask() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {
                                        if (s.calls <= 30) {
                                            s.out.emit(new Values(s.calls % 7));
                                        }
                                    }).stream("default", "v"));
        builder.setBolt(
                       "t", Script.bolt("t", (bolt, tuple) -> Script.see(List.of(bolt.context.getThisTaskId(), tuple))))
                .setNumTasks(4)
                .fieldsGrouping("s", new org.apache.storm.tuple.Fields("v"));
        open(builder, Map.of()).settle();
        for (Object seen : Script.seen()) {
            int task = (Integer) ((List<?>) seen).get(0);
            Tuple tuple = (Tuple) ((List<?>) seen).get(1);
            assertEquals(3 + Math.floorMod(31 + tuple.getInteger(0), 4), task);
        }
        assertEquals(30, Script.seen().size());
    }
}
