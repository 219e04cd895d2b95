package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.Stepper;
import java.util.List;
import java.util.Map;
import org.apache.storm.hooks.BaseTaskHook;
import org.apache.storm.hooks.info.BoltAckInfo;
import org.apache.storm.hooks.info.BoltExecuteInfo;
import org.apache.storm.hooks.info.BoltFailInfo;
import org.apache.storm.hooks.info.EmitInfo;
import org.apache.storm.hooks.info.SpoutAckInfo;
import org.apache.storm.hooks.info.SpoutFailInfo;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Everything that goes through the choke point: topology.debug lines and task hooks. */
class ObserveTest {
    @BeforeEach
    void clear() {
        Script.clear();
    }

    private static Stepper run(Map<String, Object> settings, Script.BoltBody body) throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", spout -> {
                                        if (spout.calls == 1) {
                                            spout.out.emit(new Values("a b"), "id-1");
                                            spout.out.emitDirect(3, "d", new Values("c"), "id-2");
                                        }
                                    }).stream("default", "v").direct("d", "v"));
        builder.setBolt("t", Script.bolt("t", body)).shuffleGrouping("s").directGrouping("s", "d");
        return new Stepper(new Storm2Line(), builder.createTopology(), settings, Map.of(), 0).open().settle();
    }

    @Test
    void debugLinesAreStorms() throws Exception {
        try (LogLines lines = new LogLines()) {
            run(Map.of("topology.debug", true, "topology.stats.sample.rate", 1.0), (bolt, tuple) -> {
                if (tuple.getString(0).equals("c")) {
                    bolt.out.fail(tuple);
                } else {
                    bolt.out.ack(tuple);
                }
            });
            assertEquals(
                    List.of("o.a.s.d.Task [INFO] Emitting Tuple: taskId=2 componentId=s stream=default values=[a b]"),
                    lines.containing("Emitting Tuple").stream().filter(line -> line.contains("=s ")).toList());
            assertEquals(
                    List.of("o.a.s.d.Task [INFO] Emitting direct: 3; s d [c] "), lines.containing("Emitting direct"));
            String tuple = lines.containing("Processing received TUPLE: source: s:2, stream: default").get(0);
            assertTrue(tuple.startsWith("o.a.s.e.Executor [INFO] "), tuple);
            assertTrue(tuple.endsWith(" for TASK: 3 "), tuple);
            assertTrue(tuple.contains("[a b]"), tuple);
            assertEquals(2, lines.containing("Execute done TUPLE source: s:2").size());
            assertTrue(lines.containing("Execute done TUPLE").get(0).matches(".* TASK: 3 DELTA: \\d+"));
            String ack = lines.containing("BOLT ack TASK: 3 TIME: ").get(0);
            assertTrue(ack.startsWith("o.a.s.e.b.BoltOutputCollectorImpl [INFO] "), ack);
            assertTrue(ack.contains(" TUPLE: source: s:2, stream: default, id: {"), ack);
            assertEquals(1, lines.containing("BOLT fail TASK: 3 TIME: ").size());
            String spoutAck = lines.containing("SPOUT Acking message ").get(0);
            assertTrue(
                    spoutAck.matches("o\\.a\\.s\\.e\\.s\\.SpoutExecutor \\[INFO\\] SPOUT Acking message -?\\d+ id-1"),
                    spoutAck);
            String spoutFail = lines.containing("SPOUT Failing ").get(0);
            assertTrue(spoutFail.contains("id-2") && spoutFail.endsWith("REASON: FAIL-STREAM"), spoutFail);
        }
    }

    @Test
    void aTimeoutIsNamedAsTheReason() throws Exception {
        try (LogLines lines = new LogLines()) {
            run(Map.of("topology.debug", true, "topology.message.timeout.secs", 5), (bolt, tuple) -> {})
                    .advance(6)
                    .settle();
            assertEquals(2, lines.containing("REASON: TIMEOUT").size());
        }
    }

    @Test
    void withoutDebugNothingIsLoggedPerTuple() throws Exception {
        try (LogLines lines = new LogLines()) {
            run(Map.of(), (bolt, tuple) -> bolt.out.ack(tuple));
            assertEquals(List.of(), lines.containing("TUPLE"));
            assertEquals(List.of(), lines.containing("Emitting"));
            assertEquals(1, lines.containing("o.a.s.e.s.SpoutExecutor [INFO] Opening spout s:[2]").size());
            assertEquals(1, lines.containing("o.a.s.e.b.BoltExecutor [INFO] Prepared bolt t:[3]").size());
        }
    }

    /** Writes every call to the script's log. */
    public static class Hook extends BaseTaskHook {
        private String at;

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context) {
            at = "hook " + context.getThisComponentId() + " ";
            Script.say(at + "prepare");
        }

        @Override
        public void emit(EmitInfo info) {
            Script.say(at + "emit " + info.stream + " " + info.values + " " + info.taskId + " -> " + info.outTasks);
        }

        @Override
        public void spoutAck(SpoutAckInfo info) {
            Script.say(at + "spoutAck " + info.messageId + " " + info.spoutTaskId + " "
                    + (info.completeLatencyMs != null));
        }

        @Override
        public void spoutFail(SpoutFailInfo info) {
            Script.say(at + "spoutFail " + info.messageId);
        }

        @Override
        public void boltExecute(BoltExecuteInfo info) {
            Script.say(at + "boltExecute " + info.tuple.getValue(0) + " " + info.executingTaskId);
        }

        @Override
        public void boltAck(BoltAckInfo info) {
            Script.say(at + "boltAck " + info.tuple.getValue(0) + " " + (info.processLatencyMs >= 0));
        }

        @Override
        public void boltFail(BoltFailInfo info) {
            Script.say(at + "boltFail " + info.tuple.getValue(0));
        }

        @Override
        public void cleanup() {
            Script.say(at + "cleanup");
        }
    }

    @Test
    void taskHooksSeeEverything() throws Exception {
        Stepper stepper =
                run(Map.of("topology.auto.task.hooks", List.of(Hook.class.getName()), "topology.stats.sample.rate", 1),
                        (bolt, tuple) -> {
                            if (tuple.getString(0).equals("c")) {
                                bolt.out.fail(tuple);
                            } else {
                                bolt.out.ack(tuple);
                            }
                        });
        assertEquals(List.of("hook s prepare", "hook s emit default [a b] 2 -> [3]", "hook s emit d [c] 2 -> [3]",
                             "hook s spoutAck id-1 2 true", "hook s spoutFail id-2"),
                Script.log("hook s").stream().sorted(java.util.Comparator.comparingInt(ObserveTest::rank)).toList());
        assertEquals(List.of("hook t prepare", "hook t boltAck a b true", "hook t boltExecute a b 3",
                             "hook t boltFail c", "hook t boltExecute c 3"),
                Script.log("hook t"));
        assertEquals(List.of("hook __system prepare"), Script.log("hook __system"));
        stepper.runtime.stop(0);
        assertEquals(1, Script.log("hook s cleanup").size());
        assertEquals(1, Script.log("hook t cleanup").size());
    }

    /** Completions may come in any order. */
    private static int rank(String line) {
        return line.contains("prepare")         ? 0
                : line.contains("emit default") ? 1
                : line.contains("emit")         ? 2
                : line.contains("spoutAck")     ? 3
                                                : 4;
    }

    @Test
    void aHookThatIsAddedInPrepareWorksToo() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", new Script.SpoutBody() {
                                        @Override
                                        public void next(Script.Spout spout) {
                                            if (spout.calls == 1) {
                                                spout.out.emit(new Values(1), "x");
                                            }
                                        }

                                        @Override
                                        public void open(Script.Spout spout) {
                                            spout.context.addTaskHook(new Hook());
                                        }
                                    }).stream("default", "v"));
        builder.setBolt("t", Script.bolt("t", (bolt, tuple) -> bolt.out.ack(tuple))).shuffleGrouping("s");
        new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 0).open().settle();
        assertEquals(1, Script.log("hook s emit").size());
        assertEquals(1, Script.log("hook s spoutAck").size());
    }

    @Test
    void aHookThatCannotBeMadeIsNamed() {
        RuntimeException e = org.junit.jupiter.api.Assertions.assertThrows(RuntimeException.class,
                () -> run(Map.of("topology.auto.task.hooks", List.of("no.such.Hook")), (bolt, tuple) -> {}));
        assertEquals("Failed to add hook: no.such.Hook", e.getMessage());
    }
}
