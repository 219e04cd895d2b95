package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.Executor;
import io.petrel.host.LedgerLink;
import io.petrel.host.Parker;
import io.petrel.host.testkit.Stepper;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.TupleImpl;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Acks, fails, time-outs and anchors, as a spout sees them. */
class AckTest {
    private int messages = 1;

    @BeforeEach
    void clear() {
        Script.clear();
    }

    /** spout -> a -> b; the spout emits message ids 1, 2 ... */
    private Stepper chain(Map<String, Object> settings, Script.BoltBody a, Script.BoltBody b) throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", spout -> {
            if (spout.calls <= messages) {
                spout.out.emit(new Values("m" + spout.calls), spout.calls);
            }
        }).stream("default", "v"));
        builder.setBolt("a", Script.bolt("a", a).stream("default", "v")).shuffleGrouping("s");
        builder.setBolt("b", Script.bolt("b", b)).shuffleGrouping("a");
        return new Stepper(new Storm2Line(), builder.createTopology(), settings, Map.of(), 0).open().settle();
    }

    private static void forward(Script.Bolt bolt, Tuple tuple) {
        bolt.out.emit(tuple, new Values(tuple.getValue(0)));
        bolt.out.ack(tuple);
    }

    private static void keep(Script.Bolt bolt, Tuple tuple) {
        Script.see(bolt);
        Script.see(tuple);
    }

    @Test
    void aTreeIsAckedWhenAllItsTuplesAre() throws Exception {
        Stepper stepper = chain(Map.of(), AckTest::forward, AckTest::keep);
        assertEquals(List.of(), Script.log("s ack"));
        Script.Bolt b = (Script.Bolt) Script.seen().get(0);
        b.out.ack((Tuple) Script.seen().get(1));
        stepper.executor("b").runOnce();
        stepper.settle();
        assertEquals(List.of("s ack 1"), Script.log("s ack"));
    }

    @Test
    void aFailReachesTheSpoutAtOnce() throws Exception {
        chain(Map.of(), AckTest::forward, (bolt, tuple) -> bolt.out.fail(tuple));
        assertEquals(List.of("s fail 1"), Script.log("s fail"));
        assertEquals(List.of(), Script.log("s ack"));
    }

    @Test
    void theFirstOfSeveralAcksOrFailsCounts() throws Exception {
        messages = 2;
        chain(Map.of(), (bolt, tuple) -> {
            bolt.out.emit(tuple, new Values(tuple.getValue(0)));
            bolt.out.ack(tuple);
            bolt.out.ack(tuple);
            bolt.out.fail(tuple);
        }, (bolt, tuple) -> {
            bolt.out.ack(tuple);
            bolt.out.fail(tuple);
            bolt.out.ack(tuple);
        });
        assertEquals(List.of("s ack 1", "s ack 2"), Script.log("s ack"));
        assertEquals(List.of(), Script.log("s fail"));
    }

    @Test
    void aTreeThatIsNotAckedFailsAfterItsTime() throws Exception {
        Stepper stepper = chain(Map.of("topology.message.timeout.secs", 7), AckTest::forward, AckTest::keep);
        assertEquals(Map.of(4, 7000L), stepper.ledger.timeouts());
        stepper.advance(6.9).settle();
        assertEquals(List.of(), Script.log("s fail"));
        stepper.advance(0.2).settle();
        assertEquals(List.of("s fail 1"), Script.log("s fail"));
        Script.Bolt b = (Script.Bolt) Script.seen().get(0);
        b.out.ack((Tuple) Script.seen().get(1));
        stepper.settle();
        assertEquals(List.of(), Script.log("s ack"), "an ack after the time-out is ignored");
    }

    /** Otherwise each ack of a steady stream would wake the spout, and each of its emits everybody behind it. */
    @Test
    void aSpoutThatPollsIsNotWokenForEachCompletion() throws Exception {
        List<Long> sleeps = new ArrayList<>();
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", spout -> {
            if (spout.calls <= 2) {
                spout.out.emit(new Values("m" + spout.calls), spout.calls);
            }
        }).stream("default", "v"));
        builder.setBolt("b", Script.bolt("b", AckTest::keep)).shuffleGrouping("s");
        Stepper stepper = new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 0,
                () -> new Sleeper(sleeps)).open().settle();
        Executor spout = stepper.executor("s");

        complete(stepper, 0);
        spout.idle();
        assertEquals(List.of(), sleeps, "the first one does not wait");
        spout.runOnce();
        assertEquals(List.of("s ack 1"), Script.log("s ack"));

        spout.idle();
        complete(stepper, 1);
        spout.idle();
        assertEquals(List.of(500_000L, 500_000L), sleeps, "the second one comes soon behind it: it waits");
        stepper.clock.advanceNanos(500_000);
        spout.idle();
        assertEquals(2, sleeps.size(), "but not for longer");
        spout.runOnce();
        assertEquals(List.of("s ack 1", "s ack 2"), Script.log("s ack"));
    }

    /** Acks the tuple with this number, and lets the ledger tell the spout. */
    private static void complete(Stepper stepper, int number) throws Exception {
        Script.Bolt b = (Script.Bolt) Script.seen().get(2 * number);
        b.out.ack((Tuple) Script.seen().get(2 * number + 1));
        stepper.executor("b").runOnce();
        assertEquals(1, stepper.ledger.deliver(stepper.runtime));
    }

    /** Notes its sleeps, which end at once. */
    private record Sleeper(List<Long> sleeps) implements Parker {
        @Override
        public void park(long nanos) {
            sleeps.add(nanos);
        }

        @Override
        public void unpark() {}
    }

    @Test
    void timeoutsCanBeSwitchedOff() throws Exception {
        Stepper stepper =
                chain(Map.of("topology.enable.message.timeouts", false), AckTest::forward, AckTest::keep);
        assertEquals(Map.of(4, 0L), stepper.ledger.timeouts());
        stepper.advance(100_000).settle();
        assertEquals(List.of(), Script.log("s fail"));
    }

    @Test
    void resetTimeoutStartsTheTimeAnew() throws Exception {
        Stepper stepper = chain(Map.of("topology.message.timeout.secs", 10), AckTest::forward, AckTest::keep);
        stepper.advance(9).settle();
        Script.Bolt b = (Script.Bolt) Script.seen().get(0);
        b.out.resetTimeout((Tuple) Script.seen().get(1));
        stepper.settle().advance(9).settle();
        assertEquals(List.of(), Script.log("s fail"));
        stepper.advance(2).settle();
        assertEquals(List.of("s fail 1"), Script.log("s fail"));
    }

    @Test
    void withoutAckersTheMessageIsAckedInsideEmitAndFailsAreIgnored() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", spout -> {
            if (spout.calls == 1) {
                spout.out.emit(new Values("m"), "id");
                Script.say("s emitted");
            }
        }).stream("default", "v"));
        builder.setBolt("a", Script.bolt("a", (bolt, tuple) -> {
            bolt.out.fail(tuple);
            assertTrue(tuple.getMessageId().getAnchors().isEmpty());
        })).shuffleGrouping("s");
        Stepper stepper = new Stepper(
                new Storm2Line(), builder.createTopology(), Map.of("topology.acker.executors", 0), Map.of(), 0);
        stepper.open().settle();
        assertEquals(List.of("s open", "s activate", "s ack id", "s emitted"), Script.log("s "));
        assertEquals(List.of(), stepper.ledger.records());
    }

    @Test
    void anUnanchoredEmitIsNotTracked() throws Exception {
        chain(Map.of(), (bolt, tuple) -> {
            bolt.out.emit(new Values(tuple.getValue(0)));
            bolt.out.ack(tuple);
        }, AckTest::keep);
        assertEquals(List.of("s ack 1"), Script.log("s ack"));
    }

    @Test
    void aChildEmittedAfterTheAckStillArrivesWithItsAnchor() throws Exception {
        chain(Map.of(), (bolt, tuple) -> {
            bolt.out.ack(tuple);
            bolt.out.emit(tuple, new Values("late"));
        }, AckTest::keep);
        assertEquals(List.of("s ack 1"), Script.log("s ack"));
        assertEquals(1, ((Tuple) Script.seen().get(1)).getMessageId().getAnchors().size());
    }

    @Test
    void aJoinAnchorsToAllItsTuples() throws Exception {
        messages = 40;
        List<Tuple> waiting = new ArrayList<>();
        Stepper stepper = chain(Map.of(), (bolt, tuple) -> {
            waiting.add(tuple);
            if (waiting.size() == 40) {
                bolt.out.emit(waiting, new Values("joined"));
                waiting.forEach(bolt.out::ack);
            }
        }, AckTest::keep);
        assertEquals(List.of(), Script.log("s ack"));
        Tuple joined = (Tuple) Script.seen().get(1);
        assertEquals(40, joined.getMessageId().getAnchorsToIds().size());
        ((Script.Bolt) Script.seen().get(0)).out.ack(joined);
        stepper.settle();
        stepper.executor("b").runOnce();
        stepper.settle();
        assertEquals(40, Script.log("s ack").size());
    }

    @Test
    void theSameTupleTwiceAsAnchorIsHarmless() throws Exception {
        chain(Map.of(), (bolt, tuple) -> {
            bolt.out.emit(Arrays.asList(tuple, tuple), new Values("twice"));
            bolt.out.ack(tuple);
        }, (bolt, tuple) -> bolt.out.ack(tuple));
        assertEquals(List.of("s ack 1"), Script.log("s ack"));
    }

    @Test
    void aCopiedTupleCanBeAnchoredAndAcked() throws Exception {
        chain(Map.of(), (bolt, tuple) -> {
            Tuple copy = new TupleImpl(tuple);
            bolt.out.emit(copy, new Values("c"));
            bolt.out.ack(copy);
        }, (bolt, tuple) -> bolt.out.ack(tuple));
        assertEquals(List.of("s ack 1"), Script.log("s ack"));
    }

    @Test
    void messageIdsComeBackAsTheSameObjectAndMayRepeat() throws Exception {
        Object id = new Object();
        List<Object> back = new ArrayList<>();
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", new IdentitySpout());
        builder.setBolt("a", Script.bolt("a", (bolt, tuple) -> bolt.out.ack(tuple))).shuffleGrouping("s");
        IdentitySpout.id = id;
        IdentitySpout.back = back;
        new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 0).open().settle();
        assertEquals(2, back.size());
        assertSame(id, back.get(0));
        assertSame(id, back.get(1));
    }

    @Test
    void recordsOfOneHostCarryNoBits() throws Exception {
        Stepper stepper = chain(Map.of(), AckTest::forward, (bolt, tuple) -> bolt.out.ack(tuple));
        assertTrue(stepper.ledger.records().size() >= 3);
        stepper.ledger.records().forEach(record -> {
            assertEquals(0, record.hostMask(), "no other host was touched");
            assertEquals(0, record.lossNumber());
            assertTrue(record.kind() == LedgerLink.INIT || record.kind() == LedgerLink.ACK);
        });
    }
}
