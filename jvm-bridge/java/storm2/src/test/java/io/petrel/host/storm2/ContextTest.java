package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.ManualClock;
import io.petrel.host.testkit.PlanBytes;
import io.petrel.host.testkit.Stepper;
import io.petrel.host.HostRuntime;
import io.petrel.host.ThreadParker;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.thrift.TSerializer;
import org.apache.storm.topology.TopologyBuilder;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What prepare sees: context, conf, task ids. */
class ContextTest {
    @BeforeEach
    void clear() {
        Script.clear();
    }

    private static TopologyBuilder builder() {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {}).stream("default", "v").stream("other", "w"), 2).setNumTasks(3);
        builder.setBolt("b", Script.bolt("b", new Script.BoltBody() {
            @Override
            public void execute(Script.Bolt bolt, org.apache.storm.tuple.Tuple tuple) {}

            @Override
            public void prepare(Script.Bolt bolt) {
                Script.see(bolt);
            }
        }).set("topology.tick.tuple.freq.secs", 3).set("topology.message.timeout.secs", 99).set("topology.workers", 17)
                .set("my.key", "mine").set("topology.debug", false).set("topology.max.spout.pending", 5), 2)
                .setNumTasks(2).shuffleGrouping("s");
        return builder;
    }

    private static Stepper open(Map<String, Object> settings) throws Exception {
        return new Stepper(new Storm2Line(), builder().createTopology(), settings, Map.of("s", 2, "b", 1), 0).open();
    }

    @Test
    void taskIdsComponentsAndStreamsAreStorms() throws Exception {
        open(Map.of());
        Script.Bolt first = (Script.Bolt) Script.seen().get(0);
        Script.Bolt second = (Script.Bolt) Script.seen().get(1);
        TopologyContext context = first.context;
        assertEquals(2, context.getThisTaskId());
        assertEquals(3, second.context.getThisTaskId());
        assertEquals(0, context.getThisTaskIndex());
        assertEquals("b", context.getThisComponentId());
        assertEquals(List.of(4, 5, 6), context.getComponentTasks("s"));
        assertEquals(List.of(1), context.getComponentTasks("__acker"));
        assertEquals(Set.of("s", "b"), context.getComponentIds());
        assertTrue(context.getComponentStreams("s").containsAll(Set.of("default", "other")));
        assertThrows(IllegalArgumentException.class, () -> context.getComponentStreams("__acker"));
        assertEquals(List.of(-1, 1, 2, 3, 4, 5, 6), context.getThisWorkerTasks());
        assertEquals(6700, context.getThisWorkerPort());
        assertEquals("test-1-1700000000", context.getStormId());
        assertEquals("s", context.getComponentId(6));
        assertTrue(context.getThisSources().keySet().stream().anyMatch(id -> id.get_componentId().equals("s")));
        assertNotNull(context.getSharedExecutor());
    }

    @Test
    void executorDataIsSharedByTheTasksOfAnExecutorAndTaskDataIsNot() throws Exception {
        open(Map.of());
        TopologyContext first = ((Script.Bolt) Script.seen().get(0)).context;
        TopologyContext second = ((Script.Bolt) Script.seen().get(1)).context;
        first.setExecutorData("e", 1);
        first.setTaskData("t", 2);
        assertEquals(1, second.getExecutorData("e"));
        assertEquals(null, second.getTaskData("t"));
    }

    @Test
    void aComponentOverridesOnlyWhatStormLetsIt() throws Exception {
        open(Map.of("topology.debug", true, "topology.message.timeout.secs", 30, "topology.workers", 1));
        Map<String, Object> conf = ((Script.Bolt) Script.seen().get(0)).conf;
        assertEquals("mine", conf.get("my.key"));
        assertEquals(3, conf.get("topology.tick.tuple.freq.secs"));
        assertEquals(false, conf.get("topology.debug"));
        assertEquals(5, conf.get("topology.max.spout.pending"));
        assertEquals(30, conf.get("topology.message.timeout.secs"));
        assertEquals(1, conf.get("topology.workers"));
    }

    @Test
    void numbersHaveTheClassesThatStormGives() throws Exception {
        Map<String, Object> settings = new HashMap<>();
        settings.put("small", 7L);
        settings.put("long", 1L << 40);
        settings.put("big", new BigInteger("123456789012345678901234567890"));
        settings.put("float", 1.5f);
        settings.put("nothing", null);
        open(settings);
        Map<String, Object> conf = ((Script.Bolt) Script.seen().get(0)).conf;
        assertEquals(7, conf.get("small"));
        assertEquals(1L << 40, conf.get("long"));
        assertEquals(new BigInteger("123456789012345678901234567890"), conf.get("big"));
        assertEquals(1.5, conf.get("float"));
        assertTrue(conf.containsKey("nothing") && conf.get("nothing") == null);
        conf.put("writable", true);
        assertEquals("test", conf.get("topology.name"));
        assertEquals("test-1-1700000000", conf.get("storm.id"));
        assertEquals("distributed", conf.get("storm.cluster.mode"));
        assertInstanceOf(Integer.class, conf.get("topology.message.timeout.secs"));
    }

    @Test
    void metricsCannotBeRegisteredAfterPrepare() throws Exception {
        open(Map.of());
        TopologyContext context = ((Script.Bolt) Script.seen().get(0)).context;
        assertThrows(
                RuntimeException.class,
                () -> context.registerMetric("late", new org.apache.storm.metric.api.CountMetric(), 10));
    }

    @Test
    void aPlanThatIsNotStormsIsRefused() throws Exception {
        StormTopology topology = builder().createTopology();
        byte[] wrong = PlanBytes.of(
                Map.of(1, "__acker", 2, "b", 3, "s", 4, "s", 5, "s", 6, "b"), List.of("s"), Map.of());
        IllegalStateException e = assertThrows(IllegalStateException.class, () -> new HostRuntime(
                wrong, new TSerializer().serialize(topology), JSONValue.toJSONString(Stepper.conf(Map.of())),
                new Storm2Line(), new FakeLedger(new ManualClock()), new ManualClock(), () -> 1, ThreadParker::new, 0));
        assertTrue(e.getMessage().contains("task 3 in component s, Storm has it in b"), e.getMessage());
    }

    @Test
    void bytesThatAreNoTopologyAreRefusedWithASentence() {
        byte[] plan = PlanBytes.of(Map.of(1, "s"), List.of("s"), Map.of());
        for (byte[] bytes : List.of(new byte[0], new byte[] {1, 2, 3}, new byte[] {12, 0, 1, 127, 127, 127, 127})) {
            RuntimeException e = assertThrows(RuntimeException.class, () -> new HostRuntime(
                    plan, bytes, JSONValue.toJSONString(Stepper.conf(Map.of())), new Storm2Line(),
                    new FakeLedger(new ManualClock()), new ManualClock(), () -> 1, ThreadParker::new, 0));
            assertTrue(e.getMessage().contains("StormTopology"), e.getMessage());
        }
        assertThrows(IllegalArgumentException.class, () -> new Storm2Line().parseJson("{\"a\":"));
        assertThrows(IllegalArgumentException.class, () -> new Storm2Line().parseJson("[1]"));
        assertFalse(new Storm2Line().parseJson("").containsKey("x"));
    }
}
