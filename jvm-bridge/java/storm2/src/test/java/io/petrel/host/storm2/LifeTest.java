package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.HostClock;
import io.petrel.host.HostRuntime;
import io.petrel.host.ThreadParker;
import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.Stepper;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.function.BooleanSupplier;
import org.apache.storm.hooks.BaseWorkerHook;
import org.apache.storm.task.WorkerUserContext;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Life of the real threads: start, activation, errors, stop. */
@Timeout(60)
class LifeTest {
    private final FakeLedger ledger = new FakeLedger(HostClock.SYSTEM);
    private HostRuntime runtime;

    @BeforeEach
    void clear() {
        Script.clear();
    }

    @AfterEach
    void stop() {
        if (runtime != null) {
            runtime.stop(2000);
        }
    }

    private void make(TopologyBuilder builder, Map<String, Object> settings) {
        runtime = Stepper.runtime(new Storm2Line(), builder.createTopology(), settings, Map.of(), ledger,
                HostClock.SYSTEM, ThreadParker::new, 0);
    }

    private static TopologyBuilder builder(Script.SpoutBody spout, Script.BoltBody bolt) {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", spout).stream("default", "v"));
        builder.setBolt("t", Script.bolt("t", bolt).stream("default", "v")).shuffleGrouping("s");
        return builder;
    }

    private void until(String what, BooleanSupplier condition) throws InterruptedException {
        long deadline = System.nanoTime() + 30_000_000_000L;
        while (!condition.getAsBoolean()) {
            assertTrue(System.nanoTime() < deadline, () -> "waited in vain for " + what + "; log " + Script.log());
            ledger.awaitDone(5);
            ledger.deliver(runtime);
        }
    }

    @Test
    void startedInactiveNothingIsPreparedUntilActivation() throws Exception {
        make(builder(s -> Script.see(s.calls), (bolt, tuple) -> {}), Map.of());
        runtime.start(false);
        until("prepared", () -> ledger.preparedCalls() == 1);
        assertEquals(List.of(), Script.log());
        runtime.setActive(true);
        until("nextTuple", () -> !Script.seen().isEmpty());
        until("prepare", () -> Script.log().contains("t prepare"));
        assertEquals(List.of("s open", "s activate"), Script.log("s "));
    }

    @Test
    void threadsAreNamedAsInStormAndOneThreadDoesEverything() throws Exception {
        make(builder(s -> {
            if (s.calls == 1) {
                Script.see(Thread.currentThread().getName());
                assertEquals(ClassLoader.getSystemClassLoader(), Thread.currentThread().getContextClassLoader());
            }
        }, (bolt, tuple) -> {}), Map.of());
        runtime.start(true);
        until("nextTuple", () -> !Script.seen().isEmpty());
        assertTrue(
                Script.seen().get(0).toString().matches("Thread-\\d+-s-executor\\[2, 2\\]"), Script.seen().toString());
    }

    @Test
    void stopInterruptsThenCleansUpInOrder() throws Exception {
        CountDownLatch forever = new CountDownLatch(1);
        make(builder(s -> {
            Script.say("s blocks");
            forever.await();
        }, (bolt, tuple) -> {}), Map.of());
        runtime.start(true);
        until("a blocked spout", () -> Script.log().contains("s blocks") && Script.log().contains("t prepare"));
        runtime.stop(10_000);
        assertEquals(List.of("s open", "s activate", "s blocks", "s close"), Script.log("s "));
        assertEquals(List.of("t prepare", "t cleanup"), Script.log("t "));
        assertNull(ledger.death(), "an interrupt is no error of the user's");
        runtime.stop(10);
        assertEquals(1, Script.log("s close").size(), "stop twice is stop once");
    }

    @Test
    void whatWasNotPreparedIsNotCleanedUp() throws Exception {
        make(builder(s -> {}, (bolt, tuple) -> {}), Map.of());
        runtime.start(false);
        runtime.stop(5000);
        assertEquals(List.of(), Script.log());
    }

    @Test
    void anExceptionInExecuteIsReportedAsStormShowsItAndKillsTheHost() throws Exception {
        make(builder(
                     s
                     -> {
                         if (s.calls == 1) {
                             s.out.emit(new Values("x"));
                         }
                     },
                     (bolt, tuple) -> { throw new IllegalStateException("the bolt's trouble"); }),
                Map.of());
        runtime.start(true);
        until("death", () -> ledger.death() != null);
        assertEquals("t", ledger.death().component());
        assertEquals(3, ledger.death().task());
        assertEquals(1, ledger.death().exitCode());
        String text = ledger.death().text();
        assertTrue(text.startsWith("java.lang.RuntimeException: java.lang.RuntimeException: "
                           + "java.lang.IllegalStateException: the bolt's trouble\n"),
                text);
        assertTrue(text.contains("Caused by: java.lang.IllegalStateException: the bolt's trouble"), text);
        assertTrue(text.contains("at io.petrel.host.storm2.LifeTest"), text);
    }

    @Test
    void anErrorInNextTupleKillsTheHostToo() throws Exception {
        make(builder(s -> { throw new StackOverflowError("deep"); }, (bolt, tuple) -> {}), Map.of());
        runtime.start(true);
        until("death", () -> ledger.death() != null);
        assertEquals("s", ledger.death().component());
        assertTrue(ledger.death().text().contains("java.lang.StackOverflowError: deep"));
    }

    @Test
    void anExceptionInPrepareKillsTheHost() throws Exception {
        make(builder(s -> {}, new Script.BoltBody() {
            @Override
            public void execute(Script.Bolt bolt, Tuple tuple) {}

            @Override
            public void prepare(Script.Bolt bolt) {
                throw new IllegalArgumentException("cannot prepare");
            }
        }), Map.of());
        runtime.start(true);
        until("death", () -> ledger.death() != null);
        assertTrue(ledger.death().text().contains("IllegalArgumentException: cannot prepare"));
        assertEquals(0, ledger.preparedCalls());
    }

    @Test
    void exceptionsInAckAndFailKillTheHost() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", new ThrowingSpout());
        builder.setBolt("t", Script.bolt("t", (bolt, tuple) -> bolt.out.ack(tuple))).shuffleGrouping("s");
        make(builder, Map.of());
        runtime.start(true);
        until("death", () -> ledger.death() != null);
        assertTrue(ledger.death().text().contains("IllegalStateException: ack of m"), ledger.death().text());
    }

    @Test
    void reportErrorOnlyReports() throws Exception {
        make(builder(
                     s
                     -> {
                         if (s.calls == 1) {
                             s.out.reportError(new RuntimeException("from the spout"));
                             s.out.emit(new Values("x"), "id");
                         }
                     },
                     (bolt, tuple) -> {
                         bolt.out.reportError(new RuntimeException("from the bolt"));
                         bolt.out.ack(tuple);
                     }),
                Map.of());
        runtime.start(true);
        until("ack", () -> Script.log().contains("s ack id"));
        assertEquals(2, ledger.errors().size());
        assertTrue(ledger.errors().get(0).text().startsWith("java.lang.RuntimeException: from the spout\n"));
        assertNull(ledger.death());
    }

    @Test
    void aBoltThatBlocksAfterItsEmitDoesNotKeepWhatItEmitted() throws Exception {
        CountDownLatch forever = new CountDownLatch(1);
        TopologyBuilder builder = builder(
                s
                -> {
                    if (s.calls == 1) {
                        s.out.emit(new Values("x"), "id");
                    }
                },
                (bolt, tuple) -> {
                    bolt.out.emit(new Values("y"));
                    bolt.out.ack(tuple);
                    forever.await();
                });
        builder.setBolt("u", Script.bolt("u", (bolt, tuple) -> Script.see(tuple.getValue(0)))).shuffleGrouping("t");
        make(builder, Map.of());
        runtime.start(true);
        until("the tuple behind the blocked bolt", () -> Script.seen().contains("y"));
        until("the ack behind the blocked bolt", () -> Script.log().contains("s ack id"));
        assertFalse(Script.log().contains("t cleanup"));
    }

    /** Gives tasks a resource and says when it is called. */
    public static class Hook extends BaseWorkerHook {
        @Override
        public void start(Map<String, Object> conf, WorkerUserContext context) {
            context.setResource("gift", "from the hook");
            Script.say("hook start " + context.getThisWorkerPort());
        }

        @Override
        public void shutdown() {
            Script.say("hook shutdown");
        }
    }

    @Test
    void workerHooksRunAroundEverythingAndTheirResourceIsVisibleInPrepare() throws Exception {
        TopologyBuilder builder = builder(s -> {}, new Script.BoltBody() {
            @Override
            public void execute(Script.Bolt bolt, Tuple tuple) {}

            @Override
            public void prepare(Script.Bolt bolt) {
                Script.say("resource " + bolt.context.getResource("gift"));
                assertNotNull(bolt.context.getSharedExecutor());
            }
        });
        builder.addWorkerHook(new Hook());
        make(builder, Map.of());
        runtime.start(true);
        until("prepare", () -> !Script.log("resource").isEmpty());
        runtime.stop(5000);
        assertEquals("hook start 6700", Script.log().get(0));
        assertEquals(List.of("resource from the hook"), Script.log("resource"));
        assertEquals("hook shutdown", Script.log().get(Script.log().size() - 1));
    }
}
