package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.Stepper;
import java.util.List;
import java.util.Map;
import org.apache.storm.metric.api.CountMetric;
import org.apache.storm.metric.api.IMetricsConsumer;
import org.apache.storm.task.IErrorReporter;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tick tuples and the metrics of the first API. */
class TickTest {
    @BeforeEach
    void clear() {
        Script.clear();
        Consumer.POINTS.clear();
    }

    @Test
    void ticksComeToEveryTaskAndAComponentsFrequencyWins() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {}).stream("default", "v"));
        builder.setBolt("fast", Script.bolt("fast", (bolt, tuple) -> {
                                          Script.say("fast " + bolt.context.getThisTaskId());
                                          Script.see(tuple);
                                          bolt.out.ack(tuple);
                                      }).set("topology.tick.tuple.freq.secs", 2)).setNumTasks(2).shuffleGrouping("s");
        builder.setBolt("slow", Script.bolt("slow", (bolt, tuple) -> Script.say("slow"))).shuffleGrouping("s");
        Stepper stepper = new Stepper(
                new Storm2Line(), builder.createTopology(), Map.of("topology.tick.tuple.freq.secs", 5), Map.of(), 0)
                                  .open();
        stepper.settle();
        assertEquals(List.of(), Script.log("fast 2"));
        stepper.advance(2).settle();
        assertEquals(
                List.of("fast 2", "fast 3"), Script.log().stream().filter(line -> line.matches("fast \\d")).toList());
        stepper.advance(2).settle().advance(2).settle();
        assertEquals(3, Script.log("fast 3").size());
        assertEquals(1, Script.log("slow").stream().filter("slow" ::equals).count());
        Tuple tick = (Tuple) Script.seen().get(0);
        assertEquals("__system", tick.getSourceComponent());
        assertEquals("__tick", tick.getSourceStreamId());
        assertEquals(-1, tick.getSourceTask());
        assertEquals(List.of(2), tick.getValues());
        assertEquals(new Fields("rate_secs").toList(), tick.getFields().toList());
        assertEquals(0, tick.getMessageId().getAnchors().size());
    }

    @Test
    void ticksGetThroughWhileTheBoltHasNoCredit() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {}).stream("default", "v"));
        builder.setBolt("a",
                       Script.bolt("a",
                                     (bolt, tuple) -> {
                                         Script.say("a " + tuple.getSourceStreamId());
                                         for (int i = 0; i < 20; i++) {
                                             bolt.out.emit(new org.apache.storm.tuple.Values("x".repeat(500)));
                                         }
                                     })
                               .stream("default", "v")
                               .set("topology.tick.tuple.freq.secs", 1))
                .shuffleGrouping("s");
        builder.setBolt("b", Script.bolt("b", (bolt, tuple) -> {})).shuffleGrouping("a");
        Stepper stepper = new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 40_000).open();
        for (int i = 0; i < 4; i++) {
            stepper.advance(1);
            stepper.executor("a").runOnce();
        }
        assertEquals(4, Script.log("a __tick").size());
        assertEquals(true, stepper.executor("a").outbox().hasRefused());
    }

    /** Keeps what it gets. */
    public static class Consumer implements IMetricsConsumer {
        static final List<String> POINTS = new java.util.concurrent.CopyOnWriteArrayList<>();

        @Override
        public void prepare(
                Map<String, Object> conf, Object argument, TopologyContext context, IErrorReporter reporter) {}

        @Override
        public void handleDataPoints(TaskInfo task, java.util.Collection<DataPoint> points) {
            for (DataPoint point : points) {
                POINTS.add(task.srcComponentId + ":" + task.srcTaskId + ":" + task.updateIntervalSecs + ":" + point.name
                        + "=" + point.value);
            }
        }

        @Override
        public void cleanup() {}
    }

    @Test
    void metricsOfTheSecondApiReachTheConsumerWhenSwitchedOn() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {}).stream("default", "v"));
        builder.setBolt("a", Script.bolt("a", new Script.BoltBody() {
                   @Override
                   public void execute(Script.Bolt bolt, Tuple tuple) {}

                   @Override
                   public void prepare(Script.Bolt bolt) {
                       bolt.context.registerCounter("second").inc(7);
                   }
               })).shuffleGrouping("s");
        Map<String, Object> settings = Map.of("topology.metrics.consumer.register",
                List.of(Map.of("class", "io.petrel.host.storm2.TickTestConsumer", "parallelism.hint", 1)),
                "topology.enable.v2.metrics.tick", true, "topology.v2.metrics.tick.interval.seconds", 4);
        Stepper stepper = new Stepper(new Storm2Line(), builder.createTopology(), settings, Map.of(), 0).open();
        stepper.advance(4).settle();
        for (int i = 0; i < 500 && !Consumer.POINTS.contains("a:3:4:second=7"); i++) {
            Thread.sleep(10);
        }
        assertTrue(Consumer.POINTS.contains("a:3:4:second=7"), Consumer.POINTS.toString());
    }

    @Test
    void registeredMetricsReachTheConsumer() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {}).stream("default", "v"));
        builder.setBolt("a", Script.bolt("a", new Script.BoltBody() {
                   @Override
                   public void execute(Script.Bolt bolt, Tuple tuple) {}

                   @Override
                   public void prepare(Script.Bolt bolt) {
                       bolt.context.registerMetric("things", new CountMetric(), 10).incrBy(42);
                   }
               })).shuffleGrouping("s");
        Map<String, Object> settings = Map.of("topology.metrics.consumer.register",
                List.of(Map.of("class", "io.petrel.host.storm2.TickTestConsumer", "parallelism.hint", 1)));
        Stepper stepper = new Stepper(new Storm2Line(), builder.createTopology(), settings, Map.of(), 0).open();
        stepper.advance(10).settle();
        for (int i = 0; i < 500 && points("a:").isEmpty(); i++) {
            // The consumer bolt hands points to a thread of its own.
            Thread.sleep(10);
        }
        assertEquals(List.of("a:3:10:things=42"), points("a:"));
    }

    /** Points of a component; the consumer of an earlier test may still add its own. */
    private static List<String> points(String prefix) {
        return Consumer.POINTS.stream().filter(point -> point.startsWith(prefix)).toList();
    }
}
