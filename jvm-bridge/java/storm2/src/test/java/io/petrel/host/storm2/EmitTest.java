package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.Stepper;
import java.util.List;
import java.util.Map;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What emit accepts, refuses and returns. Tasks: 1 __acker, then the components in the order of their names. */
class EmitTest {
    @BeforeEach
    void clear() {
        Script.clear();
    }

    private static Stepper open(TopologyBuilder builder) throws Exception {
        return new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 0).open();
    }

    private static void oneBolt(TopologyBuilder builder, Script.SpoutBody body) {
        builder.setSpout(
                "s", Script.spout("s", body).stream("default", "a", "b").stream("lonely", "a").direct("d", "a"));
        builder.setBolt("t", Script.bolt("t", (bolt, tuple) -> {
                   Script.see(tuple);
                   bolt.out.ack(tuple);
               }), 1).setNumTasks(3).shuffleGrouping("s").directGrouping("s", "d");
    }

    private static Script.SpoutBody once(Script.SpoutBody body) {
        return spout -> {
            if (spout.calls == 1) {
                body.next(spout);
            }
        };
    }

    @Test
    void emitReturnsTheTasksAndTuplesArriveByReference() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        Object payload = new Object();
        oneBolt(builder, once(spout -> {
            List<Integer> tasks = spout.out.emit(new Values(payload, 1), "id");
            Script.say("tasks " + tasks);
        }));
        open(builder).settle();
        Tuple tuple = (Tuple) Script.seen().get(0);
        assertSame(payload, tuple.getValue(0));
        assertSame(payload, tuple.getValueByField("a"));
        assertEquals("s", tuple.getSourceComponent());
        assertEquals(2, tuple.getSourceTask());
        assertEquals("default", tuple.getSourceStreamId());
        assertTrue(List.of("tasks [3]", "tasks [4]", "tasks [5]").contains(Script.log("tasks").get(0)));
        assertEquals(List.of("s ack id"), Script.log("s ack"));
    }

    @Test
    void aStreamWithoutSubscribersReturnsNothingAndIsAcked() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        oneBolt(builder, once(spout -> Script.say("tasks " + spout.out.emit("lonely", new Values(1), "id"))));
        open(builder).settle();
        assertEquals(List.of("tasks []"), Script.log("tasks"));
        assertEquals(List.of("s ack id"), Script.log("s ack"));
    }

    @Test
    void wrongEmitsAreRefusedWithStormsTexts() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        oneBolt(builder, once(spout -> {
            Script.say(message(() -> spout.out.emit("nowhere", new Values(1))));
            Script.say(message(() -> spout.out.emit("d", new Values(1))));
            Script.say(message(() -> spout.out.emitDirect(3, new Values(1, 2))));
            Script.say(message(() -> spout.out.emitDirect(3, "nowhere", new Values(1))));
        }));
        open(builder).settle();
        assertEquals(
                List.of("E Unknown stream ID: nowhere", "E Cannot do regular emit to direct stream",
                        "E Cannot emitDirect to a task expecting a regular grouping", "E Unknown stream ID: nowhere"),
                Script.log("E "));
        assertEquals(List.of(), Script.seen());
    }

    private static String message(Runnable action) {
        return "E " + assertThrows(IllegalArgumentException.class, action::run).getMessage();
    }

    @Test
    void arityIsNotChecked() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        oneBolt(builder, once(spout -> {
            spout.out.emit(new Values(1));
            spout.out.emit(new Values(1, 2, 3));
        }));
        open(builder).settle();
        assertEquals(2, Script.seen().size());
    }

    @Test
    void emitDirectReachesTheTaskAndIsDroppedWhereNobodySubscribes() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        oneBolt(builder, once(spout -> {
            spout.out.emitDirect(4, "d", new Values("hit"), "one");
            spout.out.emitDirect(2, "d", new Values("myself"), "two");
            spout.out.emitDirect(99, "d", new Values("nobody"), "three");
        }));
        Stepper stepper = open(builder).settle();
        assertEquals(1, Script.seen().size());
        assertEquals("hit", ((Tuple) Script.seen().get(0)).getString(0));
        assertEquals(3, Script.log("s ack").size());
        assertEquals(0, stepper.ledger.openTrees());
    }

    @Test
    void allAndSeveralSubscribersGetTheirOwnTuples() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s",
                Script.spout("s", once(spout -> Script.say("tasks " + spout.out.emit(new Values(7), "id"))))
                        .stream("default", "a"));
        builder.setBolt("t1", Script.bolt("t1", (bolt, tuple) -> {
                   Script.see(tuple);
                   bolt.out.ack(tuple);
               }), 1).setNumTasks(2).allGrouping("s");
        builder.setBolt("t2", Script.bolt("t2", (bolt, tuple) -> {
                   Script.see(tuple);
                   bolt.out.ack(tuple);
               })).globalGrouping("s");
        open(builder).settle();
        assertEquals(List.of("tasks [3, 4, 5]"), Script.log("tasks"));
        assertEquals(3, Script.seen().size());
        assertEquals(3, Script.seen().stream().map(t -> ((Tuple) t).getMessageId()).distinct().count());
        assertEquals(List.of("s ack id"), Script.log("s ack"));
    }

    @Test
    void orderIsKeptFromTaskToTask() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        oneBolt(builder, spout -> {
            if (spout.calls <= 1000) {
                spout.out.emit(new Values(spout.calls, 0));
            }
        });
        open(builder).settle();
        Map<Integer, Integer> last = new java.util.HashMap<>();
        for (Object seen : Script.seen()) {
            int value = ((Tuple) seen).getInteger(0);
            Integer before = last.put(0, value);
            assertTrue(before == null || value > before);
        }
        assertEquals(1000, Script.seen().size());
    }
}
