package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.Executor;
import io.petrel.host.LedgerLink;
import io.petrel.host.TaskLinks;
import io.petrel.host.testkit.LinkedHosts;
import io.petrel.host.testkit.LinkedHosts.Section;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Tuples, acks and markers between hosts. Tasks: 1 __acker, 2 a (host 1), 3 b (host 0), 4 s (host 0). */
class RemoteTest {
    private static final int A = 2;
    private static final int S = 4;
    private int recordedBefore;
    private int messages = 1;
    private Object payload = "x";

    @BeforeEach
    void clear() {
        Script.clear();
    }

    /** s -> a -> b, where a is in another host. */
    private LinkedHosts chain(Script.BoltBody a, Script.BoltBody b) throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", spout -> {
            if (spout.calls <= messages) {
                spout.out.emit("words", new Values("m" + spout.calls, payload), spout.calls);
            }
        }).stream("other", "v").stream("words", "word", "load"));
        builder.setBolt("a", Script.bolt("a", a).stream("default", "v")).shuffleGrouping("s", "words");
        builder.setBolt("b", Script.bolt("b", b)).shuffleGrouping("a");
        return new LinkedHosts(
                new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), 2, task -> task == A ? 1 : 0);
    }

    private static void forward(Script.Bolt bolt, Tuple tuple) {
        Script.see(tuple);
        bolt.out.emit(tuple, new Values(tuple.getValue(0)));
        bolt.out.ack(tuple);
    }

    private static void ack(Script.Bolt bolt, Tuple tuple) {
        Script.say("b " + tuple.getValue(0));
        bolt.out.ack(tuple);
    }

    @Test
    void aTupleGoesThereAndBackAndIsAcked() throws Exception {
        Map<String, Long> map = new HashMap<>(Map.of("k", 5L));
        payload = new ArrayList<>(Arrays.asList(1, 2L, 3.5, true, null, new byte[] {9}, map, new HashSet<>(Set.of("s"))));
        LinkedHosts hosts = chain(RemoteTest::forward, RemoteTest::ack).open().settle();
        Tuple tuple = (Tuple) Script.seen().get(0);
        assertEquals("s", tuple.getSourceComponent());
        assertEquals("words", tuple.getSourceStreamId());
        assertEquals(S, tuple.getSourceTask());
        assertEquals(new Fields("word", "load").toList(), tuple.getFields().toList());
        List<?> values = (List<?>) tuple.getValueByField("load");
        assertEquals(List.of(1, 2L, 3.5, true), values.subList(0, 4));
        assertNull(values.get(4));
        assertEquals(9, ((byte[]) values.get(5))[0]);
        assertEquals(map, values.get(6));
        assertEquals(new HashSet<>(Set.of("s")), values.get(7));
        assertEquals(List.of("b m1"), Script.log("b m"));
        assertEquals(List.of("s ack 1"), Script.log("s ack"));
        assertEquals(2, hosts.sent.size());
    }

    @Test
    void recordsCarryTheBitsOfOtherHostsEmittedTo() throws Exception {
        LinkedHosts hosts = chain(RemoteTest::forward, (bolt, tuple) -> {});
        hosts.ledger.losses = 7;
        hosts.open().settle();
        assertEquals(2, hosts.records.size());
        LinkedHosts.Sent init = hosts.records.get(0);
        assertEquals(0, init.host());
        assertEquals(LedgerLink.INIT, init.record().kind());
        assertEquals(1L << 1, init.record().hostMask(), "to a in host 1");
        assertEquals(7, init.record().lossNumber());
        LinkedHosts.Sent acked = hosts.records.get(1);
        assertEquals(1, acked.host());
        assertEquals(LedgerLink.ACK, acked.record().kind());
        assertEquals(1L << 0, acked.record().hostMask(), "to b in host 0");
    }

    @Test
    void aBoltThatKeepsItsInputTellsWhereItsTuplesWent() throws Exception {
        LinkedHosts hosts = chain((bolt, tuple) -> bolt.out.emit(tuple, new Values("v")), (bolt, tuple) -> {});
        hosts.open().settle();
        assertEquals(2, hosts.records.size());
        assertEquals(0, hosts.records.get(1).record().xor());
        assertEquals(1L << 0, hosts.records.get(1).record().hostMask());
    }

    /** s has emitted, all of it is before a, and a has run while as many tuples as this waited. */
    private LinkedHosts ackedWhileBefore(int waiting) throws Exception {
        LinkedHosts hosts = chain((bolt, tuple) -> bolt.out.ack(tuple), RemoteTest::ack).open();
        hosts.arrive = false;
        hosts.settle();
        assertEquals(messages, hosts.sent.stream().mapToInt(Section::count).sum());
        hosts.sent.forEach(section -> hosts.inject(1, section));
        Executor a = hosts.executor("a");
        recordedBefore = hosts.ledger.recordedCalls();
        while (a.queue().tuples() > waiting) {
            a.runOnce();
        }
        return hosts;
    }

    @Test
    void fullBatchesOfAcksWaitForEachOtherWhileManyTuplesWait() throws Exception {
        messages = 4000;
        LinkedHosts hosts = ackedWhileBefore(1024);
        assertTrue(hosts.ledger.isWaiting(), "the fifth full batch");
        assertEquals(recordedBefore + 1, hosts.ledger.recordedCalls(), "for four together");
        hosts.settle();
        assertFalse(hosts.ledger.isWaiting(), "the last ones were told of");
        assertEquals(4000, Script.log("s ack").size());
    }

    @Test
    void withFewTuplesBeforeItABoltLetsFullBatchesOfAcksGo() throws Exception {
        messages = 1000;
        LinkedHosts hosts = ackedWhileBefore(0);
        assertTrue(hosts.records.stream().anyMatch(sent -> sent.host() == 1), "a full batch has left");
        assertFalse(hosts.ledger.isWaiting(), "a spout may wait for it");
        hosts.settle();
        assertEquals(1000, Script.log("s ack").size());
    }

    @Test
    void withoutCreditTuplesWaitInOrderAndTheCauseIsNamed() throws Exception {
        messages = 3000;
        payload = "x".repeat(100);
        LinkedHosts hosts = chain(RemoteTest::forward, RemoteTest::ack);
        hosts.window = 20_000;
        hosts.open();
        hosts.arrive = false;
        for (int i = 0; i < 3000; i++) {
            hosts.step();
        }
        Executor spout = hosts.executor("s");
        assertTrue(spout.outbox().hasRefused());
        int calls = hosts.sent.stream().mapToInt(Section::count).sum();
        assertTrue(calls < 400, "the spout was stopped by the window, after " + calls);
        hosts.arrive = true;
        hosts.settle();
        List<String> expected = new ArrayList<>();
        for (int i = 1; i <= Script.log("b m").size(); i++) {
            expected.add("b m" + i);
        }
        assertEquals(expected, Script.log("b m"));
        assertEquals(Script.log("b m").size(), Script.log("s ack").size());
        assertTrue(Script.log("b m").size() > calls);
    }

    @Test
    void aBoltThatSitsInItsCallLosesItsOpenBatchToTheTimer() throws Exception {
        LinkedHosts hosts = chain(RemoteTest::forward, RemoteTest::ack);
        List<Integer> sentInside = new ArrayList<>();
        LinkedHosts[] self = {hosts};
        Script.bolt("a", (bolt, tuple) -> {
            bolt.out.emit(tuple, new Values("early"));
            int before = self[0].sent.size();
            self[0].advance(0.030).advance(0.002).advance(0.002);
            sentInside.add(self[0].sent.size() - before);
            bolt.out.emit(tuple, new Values("late"));
            bolt.out.ack(tuple);
        });
        hosts.open().settle();
        assertEquals(List.of(1), sentInside);
        assertEquals(List.of("b early", "b late"), Script.log("b "  + "e").isEmpty() ? List.of() : Script.log("b ").stream()
                .filter(line -> !line.equals("b prepare")).toList());
        assertEquals(List.of("s ack 1"), Script.log("s ack"));
    }

    /** Not registered, and the fallback to Java serialisation is off. */
    static final class Secret {
        final int number = 1;
    }

    @Test
    void anObjectThatCannotTravelNamesComponentStreamAndField() throws Exception {
        payload = new Secret();
        LinkedHosts hosts = chain(RemoteTest::forward, RemoteTest::ack).open();
        IllegalArgumentException e =
                assertThrows(IllegalArgumentException.class, () -> hosts.executor("s").runOnce());
        assertTrue(e.getMessage().startsWith(
                "component 's', stream 'words', field 'load' (number 1) cannot go to another process: "), e.getMessage());
        assertTrue(e.getMessage().contains("Class is not registered: " + Secret.class.getName()), e.getMessage());
        hosts.settle();
        assertEquals(0, hosts.sent.size(), "nothing of it has left");
    }

    @Test
    void aSectionThatCannotBeReadNamesWhatIsWrong() throws Exception {
        LinkedHosts hosts = chain(RemoteTest::forward, RemoteTest::ack).open().settle();
        Section good = hosts.sent.get(0);
        byte[] bytes = good.bytes();
        bytes[bytes.length - 3] = 99;
        hosts.inject(1, new Section(0, S, S, A, 0, TaskLinks.TUPLES, 1, bytes));
        String text = assertThrows(IllegalStateException.class, () -> hosts.executor("a").runOnce()).getMessage();
        assertTrue(text.contains("for task 2 of component 'a' cannot be read"), text);
        assertTrue(text.contains("from component 's', stream 'words', field 'load' (number 1): value tag 99"), text);
    }

    @Test
    void theBytesOfALargeSectionAreFetchedByItsExecutor() throws Exception {
        byte[] load = new byte[5000];
        Arrays.fill(load, (byte) 7);
        payload = load;
        LinkedHosts hosts = chain(
                (bolt, tuple) -> {
                    assertTrue(Arrays.equals(load, tuple.getBinary(1)));
                    forward(bolt, tuple);
                }, RemoteTest::ack).open();
        hosts.largeBytes = 1000;
        hosts.arrive = false;
        hosts.settle();
        hosts.inject(1, hosts.sent.get(0));
        assertEquals(1, hosts.large.size(), "it stays with the links");
        assertTrue(hosts.executor("a").runOnce());
        assertEquals(0, hosts.large.size(), "it was taken");
        assertEquals(1, Script.seen().size());
        byte[] bytes = hosts.sent.get(0).bytes();
        hosts.inject(1, new Section(0, S, S, 77, 0, TaskLinks.TUPLES, 1, bytes));
        assertEquals(0, hosts.large.size(), "for nobody here: nobody would ever take it");
        java.nio.ByteBuffer direct = java.nio.ByteBuffer.allocateDirect(43).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        direct.putInt(24, TaskLinks.LARGE).putInt(32, 5000);
        assertThrows(IllegalArgumentException.class, () -> hosts.host(1).deliver(direct, 1, 43));
    }

    @Test
    void whatDoesNotBelongHereIsRefused() throws Exception {
        LinkedHosts hosts = chain(RemoteTest::forward, RemoteTest::ack).open().settle();
        byte[] bytes = hosts.sent.get(0).bytes();
        hosts.inject(1, new Section(0, S, S, 77, 0, TaskLinks.TUPLES, 1, bytes));
        hosts.settle();
        hosts.inject(1, new Section(0, S, S, A, 0, TaskLinks.TUPLES, 2, bytes));
        String text = assertThrows(IllegalStateException.class, () -> hosts.executor("a").runOnce()).getMessage();
        assertTrue(text.contains("the section says 2 tuples, its batch 1"), text);
        java.nio.ByteBuffer direct = java.nio.ByteBuffer.allocateDirect(40);
        assertThrows(RuntimeException.class, () -> hosts.host(1).deliver(direct, 2, 40));
        assertThrows(RuntimeException.class, () -> hosts.host(1).deliver(direct, 1, 41));
    }

    @Test
    void anyDamageToASectionIsAnErrorAndNothingWorse() throws Exception {
        messages = 5;
        LinkedHosts hosts = chain(RemoteTest::forward, RemoteTest::ack).open().settle();
        byte[] good = hosts.sent.get(0).bytes();
        java.util.Random random = new java.util.Random(3);
        int errors = 0;
        for (int i = 0; i < 120; i++) {
            byte[] bytes = good.clone();
            bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            hosts.inject(1, new Section(0, S, S, A, 0, TaskLinks.TUPLES, hosts.sent.get(0).count(), bytes));
            try {
                while (hosts.executor("a").runOnce()) {
                    // Until nothing is left.
                }
            } catch (IllegalStateException e) {
                errors++;
                // The next section comes in a fresh host in earnest: this one would be dead.
                hosts = chain(RemoteTest::forward, RemoteTest::ack).open();
            } catch (RuntimeException e) {
                assertTrue(String.valueOf(e.getMessage()).length() < 2000, e.toString());
                hosts = chain(RemoteTest::forward, RemoteTest::ack).open();
            }
            if (hosts.sent.isEmpty()) {
                hosts.settle();
            }
        }
        assertTrue(errors > 10, "only " + errors + " were found");
    }

    @Test
    void aDrainIsOverWhenEverythingHasArrived() throws Exception {
        messages = 500;
        LinkedHosts hosts = chain(RemoteTest::forward, RemoteTest::ack);
        hosts.window = 3000;
        hosts.open();
        hosts.arrive = false;
        for (int i = 0; i < 100; i++) {
            hosts.step();
        }
        hosts.setActive(false);
        hosts.host(0).drain(4);
        hosts.host(1).drain(4);
        for (int i = 0; i < 100; i++) {
            hosts.step();
        }
        assertEquals(List.of(), hosts.drained);
        hosts.arrive = true;
        hosts.settle();
        assertEquals(Set.of("0 4", "1 4"), new HashSet<>(hosts.drained));
        assertEquals(2, hosts.drained.size());
        assertFalse(hosts.executor("s").outbox().hasRefused());
        assertEquals(Script.log("b m").size(), Script.log("s ack").size());
        hosts.setActive(true).settle();
        assertEquals(500, Script.log("s ack").size());
        hosts.setActive(false);
        hosts.host(0).drain(5);
        hosts.host(1).drain(5);
        hosts.settle();
        assertEquals(4, hosts.drained.size());
    }
}
