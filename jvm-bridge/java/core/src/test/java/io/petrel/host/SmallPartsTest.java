package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.ManualClock;
import java.net.SocketTimeoutException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Sampler, charge, pacing, timer, conf, error reports. */
class SmallPartsTest {
    private final ManualClock clock = new ManualClock();

    @Test
    void spareArraysAreFewAndLongEnough() {
        SpareArrays spares = new SpareArrays(10, 100, 2);
        byte[] small = new byte[9];
        byte[] good = new byte[10];
        byte[] other = new byte[50];
        spares.keep(small);
        spares.keep(new byte[101]);
        spares.keep(good);
        spares.keep(other);
        spares.keep(new byte[60]);
        assertSame(other, spares.take(50));
        assertEquals(11, spares.take(11).length, "one that is too short makes way");
        assertEquals(5, spares.take(5).length, "and nothing else is left");
    }

    @Test
    void arraysOfSectionsAreAtMostTwiceAsLong() {
        SectionArrays arrays = new SectionArrays(1 << 20);
        for (int bytes : new int[] {1, 5_000, 24_575, 24_576, 36_000, 49_152, 49_153, 65_536, 131_072, 131_073}) {
            byte[] array = arrays.take(bytes);
            assertTrue(array.length >= bytes && array.length <= 2 * bytes, bytes + " in " + array.length);
        }
        byte[] used = arrays.take(36_000);
        arrays.keep(used);
        assertSame(used, arrays.take(30_000));
        SectionArrays poor = new SectionArrays(2 * 48 * 1024);
        byte[] kept = new byte[48 * 1024];
        poor.keep(new byte[128 * 1024]);
        poor.keep(kept);
        poor.keep(new byte[48 * 1024]);
        assertSame(kept, poor.take(40_000), "a small heap keeps one");
    }

    @Test
    void theSamplerTakesOneOfSoMany() {
        Sampler twentieth = new Sampler(0.05, 7);
        for (int run = 0; run < 100; run++) {
            int taken = 0;
            for (int i = 0; i < 20; i++) {
                taken += twentieth.take() ? 1 : 0;
            }
            assertEquals(1, taken);
        }
        assertTrue(new Sampler(1, 7).take());
        assertFalse(new Sampler(0, 7).take());
    }

    @Test
    void stringsAndBytesAreChargedExactlyAndCollectionsByTheirSize() {
        Charge charge = new Charge();
        int shorter = charge.of(List.of("a"));
        assertEquals(2000, charge.of(List.of("a".repeat(1001))) - shorter);
        assertEquals(1000, charge.of(List.of(new byte[1020])) - charge.of(List.of(new byte[20])));
        assertEquals(Charge.TUPLE, charge.of(List.of()));
        assertTrue(charge.of(List.of(Collections.nCopies(10_000, "0123456789"))) > 500_000);
        Map<Object, Object> self = new HashMap<>();
        self.put("me", self.values());
        assertTrue(charge.of(Arrays.asList(self, null, 1, 'x', new int[100])) > 800);
    }

    @Test
    void otherValuesAreLookedAtOnceInAWhile() {
        Charge charge = new Charge();
        List<Object> first = List.of(List.of(), "", List.of("a", "b"));
        int size = charge.of(first);
        List<Object> larger = List.of(List.of("x".repeat(1000)), "", List.of());
        for (int i = 2; i < Charge.SAMPLE_EVERY; i++) {
            assertEquals(size, charge.of(larger));
        }
        int changed = charge.of(larger);
        assertTrue(changed > size + 1800, changed + " after " + size);
        assertEquals(changed, charge.of(first));
        assertTrue(charge.of(Collections.nCopies(1000, List.of("y"))) > 1000 * 48);
    }

    @Test
    void aClassThatComesSeldomIsChargedItsOwnSize() {
        Charge charge = new Charge();
        List<Object> small = List.of(new Object());
        for (int i = 0; i < 10; i++) {
            charge.of(small);
        }
        int large = charge.of(List.of(Collections.nCopies(10_000, "0123456789")));
        assertTrue(large > 500_000, "in the field of the small ones: " + large);
        assertEquals(Charge.TUPLE + 64, charge.of(small));
        Object[] many = {
            new ArrayList<>(), new java.util.LinkedList<>(), new HashMap<>(), new java.util.TreeMap<>(),
            new java.util.HashSet<>(), new java.util.TreeSet<>(), new java.util.ArrayDeque<>(), new java.util.Vector<>(),
            new java.util.Stack<>(), new java.util.LinkedHashMap<>(), new java.util.LinkedHashSet<>(), new int[0],
            new long[0], new Object[0], new String[0], new Thread[0], new java.util.PriorityQueue<>(), List.of()
        };
        int sum = charge.of(Arrays.asList(many));
        assertEquals(sum, charge.of(Arrays.asList(many)), "more classes than places");
    }

    @Test
    void anIdleSpoutWaitsShortThenLongerAndStormsSettingsWin() {
        SpoutPacing ours = new SpoutPacing(Map.of());
        assertEquals(500_000, ours.next());
        for (int i = 0; i < 1000; i++) {
            ours.next();
        }
        assertEquals(1_000_000, ours.next());
        for (int i = 0; i < 5000; i++) {
            ours.next();
        }
        assertEquals(2_000_000, ours.next());
        ours.emitted();
        assertEquals(500_000, ours.next());
        assertEquals(50_000_000, new SpoutPacing(Map.of(
                "topology.spout.wait.strategy", "org.apache.storm.policy.WaitStrategyProgressive",
                "topology.spout.wait.progressive.level3.sleep.millis", 50)).next());
        assertEquals(100_000, new SpoutPacing(Map.of(
                "topology.spout.wait.strategy", "org.apache.storm.policy.WaitStrategyPark",
                "topology.spout.wait.park.microsec", 100)).next());
    }

    @Test
    void theTimerRunsWhatIsDueAndLeavesOutWhatItMissed() {
        HostTimer timer = new HostTimer(clock);
        List<String> ran = new ArrayList<>();
        timer.every(1_000_000_000L, () -> ran.add("second"));
        timer.every(3_000_000_000L, () -> ran.add("third"));
        assertTrue(timer.runDue(clock.nanos()) > 0);
        assertEquals(List.of(), ran);
        clock.advanceSeconds(1);
        timer.runDue(clock.nanos());
        assertEquals(List.of("second"), ran);
        clock.advanceSeconds(60);
        timer.runDue(clock.nanos());
        assertEquals(List.of("second", "second", "third"), ran);
        clock.advanceSeconds(1);
        timer.runDue(clock.nanos());
        assertEquals(List.of("second", "second", "third", "second"), ran);
    }

    @Test
    void wrongSettingsAreNamed() {
        Map<String, Object> conf = Map.of("a.flag", "maybe", "a.number", "x".repeat(500), "b.number", "12");
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Conf.bool(conf, "a.flag", true)).getMessage()
                .contains("a.flag is 'maybe'"));
        String message =
                assertThrows(IllegalArgumentException.class, () -> Conf.integer(conf, "a.number", 1)).getMessage();
        assertTrue(message.length() < 200 && message.contains("a whole number"), message);
        assertEquals(12, Conf.integer(conf, "b.number", 1));
        assertTrue(Conf.hasAckers(Map.of()));
        assertFalse(Conf.hasAckers(Map.of("topology.acker.executors", 0)));
    }

    @Test
    void reportedErrorsAreLimitedPerIntervalAndComponent() {
        FakeLedger link = new FakeLedger(clock);
        ErrorReporter reporter = new ErrorReporter(link, clock, Map.of());
        for (int i = 0; i < 20; i++) {
            reporter.report("bolt", 3, new IllegalStateException("no " + i));
        }
        assertEquals(5, link.errors().size());
        assertTrue(link.errors().get(0).text().startsWith("java.lang.IllegalStateException: no 0\n\tat "));
        reporter.report("other", 4, new Exception());
        assertEquals(6, link.errors().size());
        clock.advanceSeconds(11);
        reporter.report("bolt", 3, new Exception("later"));
        assertEquals(7, link.errors().size());
    }

    @Test
    void aThreadThatWasInterruptedDoesNotKillTheHost() {
        FakeLedger link = new FakeLedger(clock);
        ErrorReporter reporter = new ErrorReporter(link, clock, Map.of());
        reporter.die("bolt", 3, new RuntimeException(new InterruptedException()));
        assertEquals(null, link.death());
        reporter.die("bolt", 3, new RuntimeException(new SocketTimeoutException("slow")));
        assertEquals(1, link.death().exitCode());
    }

    @Test
    void longErrorTextsAreCut() {
        String text = ErrorReporter.text(new Exception("y".repeat(1 << 20)));
        assertTrue(text.length() < 70_000 && text.endsWith("... cut"));
    }
}
