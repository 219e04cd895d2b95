package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.Stepper;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.storm.Thrift;
import org.apache.storm.generated.ComponentObject;
import org.apache.storm.generated.GlobalStreamId;
import org.apache.storm.generated.JavaObject;
import org.apache.storm.generated.JavaObjectArg;
import org.apache.storm.generated.ShellComponent;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.grouping.CustomStreamGrouping;
import org.apache.storm.grouping.PartialKeyGrouping;
import org.apache.storm.spout.ShellSpout;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** All arms of ComponentObject and the custom groupings. */
class ComponentsTest {
    @BeforeEach
    void clear() {
        Script.clear();
    }

    private static StormTopology topology() {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {}).stream("default", "v"));
        builder.setBolt("t", Script.bolt("t", (bolt, tuple) -> {})).shuffleGrouping("s");
        return builder.createTopology();
    }

    @Test
    void serialisedObjectsAreMadeForEveryTask() {
        StormTopology topology = topology();
        Storm2Line line = new Storm2Line();
        assertInstanceOf(Script.Bolt.class, line.instantiate(topology, "t"));
        assertTrue(line.instantiate(topology, "t") != line.instantiate(topology, "t"));
    }

    @Test
    void javaObjectsAreMadeByTheirConstructor() {
        StormTopology topology = topology();
        topology.get_spouts().get("s").set_spout_object(
                ComponentObject.java_object(new JavaObject(IdentitySpout.class.getName(), List.of())));
        assertInstanceOf(IdentitySpout.class, new Storm2Line().instantiate(topology, "s"));
        topology.get_spouts().get("s").set_spout_object(ComponentObject.java_object(new JavaObject(
                IdentitySpout.class.getName(), List.of(JavaObjectArg.string_arg("no such constructor")))));
        RuntimeException e = assertThrows(RuntimeException.class, () -> new Storm2Line().instantiate(topology, "s"));
        assertTrue(e.getMessage().contains("IdentitySpout"), e.getMessage());
    }

    @Test
    void shellComponentsAreWrapped() {
        StormTopology topology = topology();
        topology.get_spouts().get("s").set_spout_object(ComponentObject.shell(new ShellComponent("python3", "s.py")));
        topology.get_bolts().get("t").set_bolt_object(ComponentObject.shell(new ShellComponent("python3", "t.py")));
        assertInstanceOf(ShellSpout.class, new Storm2Line().instantiate(topology, "s"));
        assertInstanceOf(ShellBolt.class, new Storm2Line().instantiate(topology, "t"));
    }

    /** Sends to the first and the last target; also made by its constructor. */
    public static class Ends implements CustomStreamGrouping, Serializable {
        private final String name;
        private List<Integer> targets;

        public Ends(String name) {
            this.name = name;
        }

        @Override
        public void prepare(WorkerTopologyContext context, GlobalStreamId stream, List<Integer> targetTasks) {
            targets = new ArrayList<>(targetTasks);
            Script.say(
                    name + " " + stream.get_componentId() + " " + targetTasks + " " + context.getComponentTasks("t"));
        }

        @Override
        public List<Integer> chooseTasks(int task, List<Object> values) {
            return values.get(0).equals("none") ? List.of() : List.of(targets.get(0), targets.get(targets.size() - 1));
        }
    }

    private static TopologyBuilder custom() {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {
                                        if (s.calls == 1) {
                                            Script.say("tasks " + s.out.emit(new Values("some"), "a"));
                                            Script.say("tasks " + s.out.emit(new Values("none"), "b"));
                                        }
                                    }).stream("default", "v"));
        builder.setBolt("t", Script.bolt("t", (bolt, tuple) -> {
                   Script.see(bolt.context.getThisTaskId());
                   bolt.out.ack(tuple);
               })).setNumTasks(3).customGrouping("s", new Ends("serialised"));
        return builder;
    }

    private static void checkCustom(StormTopology topology, String name) throws Exception {
        new Stepper(new Storm2Line(), topology, Map.of(), Map.of(), 0).open().settle();
        assertTrue(Script.log().contains(name + " s [3, 4, 5] [3, 4, 5]"), Script.log().toString());
        assertEquals(List.of("tasks [3, 5]", "tasks []"), Script.log("tasks"));
        assertEquals(List.of(3, 5), Script.seen());
        assertEquals(2, Script.log("s ack").size());
    }

    @Test
    void aSerialisedCustomGroupingIsAskedAtTheEmittingTask() throws Exception {
        checkCustom(custom().createTopology(), "serialised");
    }

    @Test
    void aCustomObjectGroupingIsMadeByItsConstructor() throws Exception {
        StormTopology topology = custom().createTopology();
        topology.get_bolts().get("t").get_common().get_inputs().put(new GlobalStreamId("s", "default"),
                Thrift.prepareCustomJavaObjectGrouping(
                        new JavaObject(Ends.class.getName(), List.of(JavaObjectArg.string_arg("object")))));
        checkCustom(topology, "object");
    }

    @Test
    void partialKeyGroupingUsesAtMostTwoTasksForAKey() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {
                                        if (s.calls <= 400) {
                                            s.out.emit(new Values("k" + s.calls % 4));
                                        }
                                    }).stream("default", "v"));
        builder.setBolt("t",
                       Script.bolt("t",
                               (bolt, tuple) -> Script.see(tuple.getString(0) + "@" + bolt.context.getThisTaskId())))
                .setNumTasks(6)
                .customGrouping("s", new PartialKeyGrouping(new Fields("v")));
        new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 0).open().settle();
        assertEquals(400, Script.seen().size());
        for (int key = 0; key < 4; key++) {
            String prefix = "k" + key + "@";
            long tasks = Script.seen().stream().filter(s -> s.toString().startsWith(prefix)).distinct().count();
            assertTrue(tasks >= 1 && tasks <= 2, prefix + " went to " + tasks + " tasks");
        }
    }

    @Test
    void shuffleWithoutLoadGivesEqualShares() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {
                                        if (s.calls <= 300) {
                                            s.out.emit(new Values(s.calls));
                                        }
                                    }).stream("default", "v"));
        builder.setBolt("t", Script.bolt("t", (bolt, tuple) -> Script.see(bolt.context.getThisTaskId())))
                .setNumTasks(3)
                .shuffleGrouping("s");
        new Stepper(new Storm2Line(), builder.createTopology(), Map.of("topology.disable.loadaware.messaging", true),
                Map.of(), 0)
                .open()
                .settle();
        for (int task = 3; task <= 5; task++) {
            int id = task;
            assertEquals(100, Script.seen().stream().filter(seen -> seen.equals(id)).count());
        }
    }
}
