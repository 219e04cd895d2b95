package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.Executor;
import io.petrel.host.HostClock;
import io.petrel.host.HostRuntime;
import io.petrel.host.ThreadParker;
import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.Stepper;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseWindowedBolt;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Credit, cycles, slow consumers and threads that are not the executor's. */
@Timeout(60)
class FlowTest {
    private static final AtomicInteger RECEIVED = new AtomicInteger();

    @BeforeEach
    void clear() {
        Script.clear();
        RECEIVED.set(0);
        WindowSum.SUM.set(0);
        WindowSum.WINDOWS.set(0);
    }

    private static Script.SpoutBody counting(int total, int size) {
        return s -> {
            if (s.calls <= total) {
                s.out.emit(new Values(s.calls, "x".repeat(size)), s.calls);
            }
        };
    }

    private static long queued(Stepper stepper) {
        return stepper.runtime.executors().stream().mapToLong(e -> e.queue().bytes()).sum();
    }

    @Test
    void aSlowBoltHoldsBackTheSpoutAndQueuesStayBounded() throws Exception {
        long limit = 30_000;
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", counting(3000, 100)).stream("default", "n", "v"));
        builder.setBolt("a", Script.bolt("a", (bolt, tuple) -> {
                                       bolt.out.emit(tuple, tuple.getValues());
                                       bolt.out.ack(tuple);
                                   }).stream("default", "n", "v")).shuffleGrouping("s");
        builder.setBolt("slow", Script.bolt("slow", (bolt, tuple) -> {
                   Script.see(tuple.getInteger(0));
                   bolt.out.ack(tuple);
               })).shuffleGrouping("a");
        Stepper stepper = new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), limit).open();
        Executor slow = stepper.executor("slow");
        long batch = 128 * 500;
        for (int round = 0; round < 2000; round++) {
            for (Executor executor : stepper.runtime.executors()) {
                if (executor != slow || round % 20 == 0) {
                    executor.runOnce();
                }
            }
            stepper.clock.advanceNanos(50_000);
            stepper.ledger.deliver(stepper.runtime);
            assertTrue(queued(stepper) <= 2 * (limit + batch), "queues hold " + queued(stepper) + " bytes");
        }
        assertTrue(stepper.executor("s").outbox().hasRefused() || stepper.executor("a").outbox().hasRefused());
        stepper.settle();
        assertEquals(3000, Script.seen().size());
        for (int i = 0; i < 3000; i++) {
            assertEquals(i + 1, Script.seen().get(i), "order is kept through refusals");
        }
        assertEquals(3000, Script.log("s ack").size());
        assertEquals(0, queued(stepper));
    }

    @Test
    void aCycleDoesNotLockItselfUp() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", counting(500, 50)).stream("default", "n", "v"));
        builder.setBolt("a", Script.bolt("a", (bolt, tuple) -> {
                                       for (int i = 0; i < 3; i++) {
                                           bolt.out.emit(tuple, tuple.getValues());
                                       }
                                       bolt.out.ack(tuple);
                                   }).stream("default", "n", "v")).shuffleGrouping("s").shuffleGrouping("b", "back");
        builder.setBolt("b", Script.bolt("b", (bolt, tuple) -> {
                                       RECEIVED.incrementAndGet();
                                       if (bolt.context.getTaskData("n" + tuple.getInteger(0)) == null) {
                                           bolt.context.setTaskData("n" + tuple.getInteger(0), true);
                                           bolt.out.emit("back", tuple, tuple.getValues());
                                       }
                                       bolt.out.ack(tuple);
                                   }).stream("back", "n", "v")).fieldsGrouping("a", new Fields("n"));
        Stepper stepper =
                new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 5000).open().settle();
        assertEquals(500 * 6, RECEIVED.get());
        assertEquals(500, Script.log("s ack").size());
        assertEquals(0, queued(stepper));
    }

    @Test
    void acksLeaveEvenWhileTuplesHaveNoCredit() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", counting(20, 1)).stream("default", "n", "v"));
        builder.setBolt("a", Script.bolt("a", (bolt, tuple) -> {
                                       bolt.out.emit(new Values("x".repeat(4000)));
                                       bolt.out.ack(tuple);
                                   }).stream("default", "v")).shuffleGrouping("s");
        builder.setBolt("stuck", Script.bolt("stuck", (bolt, tuple) -> {})).shuffleGrouping("a");
        Stepper stepper = new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 100_000).open();
        for (int i = 0; i < 200; i++) {
            stepper.executor("s").runOnce();
            stepper.executor("a").runOnce();
            stepper.ledger.deliver(stepper.runtime);
        }
        assertTrue(stepper.executor("a").outbox().hasRefused());
        int before = Script.log("s ack").size();
        assertTrue(before > 0, "what was acked before the credit ended has left");
        stepper.settle();
        assertEquals(20, Script.log("s ack").size());
    }

    private static void until(HostRuntime runtime, FakeLedger ledger, String what, BooleanSupplier condition)
            throws InterruptedException {
        long deadline = System.nanoTime() + 40_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, () -> "waited in vain for " + what);
            assertNull(ledger.death());
            ledger.awaitDone(5);
            ledger.deliver(runtime);
        }
    }

    private static final ExecutorService POOL = Executors.newFixedThreadPool(4, task -> {
        Thread thread = new Thread(task);
        thread.setDaemon(true);
        return thread;
    });

    @Test
    void boltsMayEmitAndAckFromOtherThreads() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", counting(5000, 10)).stream("default", "n", "v"));
        builder.setBolt("async",
                       Script.bolt("async", (bolt, tuple) -> POOL.execute(() -> {
                                 bolt.out.emit(tuple, tuple.getValues());
                                 bolt.out.ack(tuple);
                             }))
                               .stream("default", "n", "v"),
                       2)
                .shuffleGrouping("s");
        builder.setBolt("sink", Script.bolt("sink", (bolt, tuple) -> {
                   RECEIVED.incrementAndGet();
                   bolt.out.ack(tuple);
               })).shuffleGrouping("async");
        FakeLedger ledger = new FakeLedger(HostClock.SYSTEM);
        HostRuntime runtime =
                Stepper.runtime(new Storm2Line(), builder.createTopology(), Map.of("topology.max.spout.pending", 300),
                        Map.of("async", 2), ledger, HostClock.SYSTEM, ThreadParker::new, 20_000);
        runtime.start(true);
        try {
            until(runtime, ledger, "5000 acks", () -> Script.log("s ack").size() == 5000);
            assertEquals(5000, RECEIVED.get());
            assertEquals(0, ledger.openTrees());
        } finally {
            runtime.stop(5000);
        }
    }

    /** Sums what comes in its windows; Storm's window thread calls it. */
    public static class WindowSum extends BaseWindowedBolt {
        static final AtomicInteger SUM = new AtomicInteger();
        static final AtomicInteger WINDOWS = new AtomicInteger();

        @Override
        public void execute(org.apache.storm.windowing.TupleWindow window) {
            WINDOWS.incrementAndGet();
            window.get().forEach(tuple -> SUM.addAndGet(tuple.getInteger(0)));
        }
    }

    @Test
    void aWindowOfTimeAcksFromItsOwnThread() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", counting(200, 1)).stream("default", "n", "v"));
        builder.setBolt("w",
                       new WindowSum().withTumblingWindow(new BaseWindowedBolt.Duration(100, TimeUnit.MILLISECONDS)))
                .shuffleGrouping("s");
        FakeLedger ledger = new FakeLedger(HostClock.SYSTEM);
        HostRuntime runtime = Stepper.runtime(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), ledger,
                HostClock.SYSTEM, ThreadParker::new, 0);
        runtime.start(true);
        try {
            until(runtime, ledger, "200 acks", () -> Script.log("s ack").size() == 200);
            assertEquals(200 * 201 / 2, WindowSum.SUM.get());
        } finally {
            runtime.stop(5000);
        }
    }

    @Test
    void aWindowOfCountsAcksWhatHasExpired() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", counting(25, 1)).stream("default", "n", "v"));
        builder.setBolt("w", new WindowSum().withTumblingWindow(BaseWindowedBolt.Count.of(10))).shuffleGrouping("s");
        new Stepper(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 0).open().settle();
        assertEquals(2, WindowSum.WINDOWS.get());
        assertEquals(20 * 21 / 2, WindowSum.SUM.get());
        assertEquals(
                10, Script.log("s ack").size(), "tuples are acked when they leave the window, the last window later");
    }

    @Test
    void stopEndsABoltThatWaitsForCredit() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", counting(1, 1)).stream("default", "n", "v"));
        builder.setBolt("a", Script.bolt("a", (bolt, tuple) -> {
                                       Script.say("a floods");
                                       for (;;) {
                                           bolt.out.emit(new Values("x".repeat(1000)));
                                       }
                                   }).stream("default", "v")).shuffleGrouping("s");
        builder.setBolt("stuck", Script.bolt("stuck", (bolt, tuple) -> Thread.sleep(1_000_000))).shuffleGrouping("a");
        FakeLedger ledger = new FakeLedger(HostClock.SYSTEM);
        HostRuntime runtime = Stepper.runtime(new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), ledger,
                HostClock.SYSTEM, ThreadParker::new, 10_000);
        runtime.start(true);
        until(runtime, ledger, "a flood", () -> Script.log().containsAll(List.of("a floods", "stuck prepare")));
        runtime.stop(10_000);
        assertEquals(1, Script.log("a cleanup").size());
        assertNull(ledger.death());
        assertEquals(List.of("stuck prepare", "stuck cleanup"), Script.log("stuck "));
    }
}
