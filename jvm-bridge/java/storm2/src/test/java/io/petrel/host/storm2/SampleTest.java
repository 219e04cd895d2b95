package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.Executor;
import io.petrel.host.HostRuntime;
import io.petrel.host.Parker;
import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.ManualClock;
import io.petrel.host.testkit.Stepper;
import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** The counters that leave the host, read as the native side reads them. */
class SampleTest {
    @BeforeEach
    void clear() {
        Script.clear();
    }

    /** Name of a counter to its value. */
    private static Map<String, Long> read(byte[] bytes) throws IOException {
        DataInputStream in = new DataInputStream(new ByteArrayInputStream(bytes));
        Map<String, Long> all = new LinkedHashMap<>();
        for (int n = in.readInt(); n > 0; n--) {
            String name = text(in) + "[" + in.readInt() + "," + in.readInt() + "]" + (in.readByte() == 1 ? "S" : "");
            for (String counter : new String[] {"depth", "bytes", "blocked", "pending"}) {
                all.put(name + " " + counter, in.readLong());
            }
            for (int outs = in.readInt(); outs > 0; outs--) {
                String stream = name + " out " + text(in) + " ";
                for (String counter :
                        new String[] {"emitted", "transferred", "acked", "failed", "completeNs", "completeSamples"}) {
                    all.put(stream + counter, in.readLong());
                }
            }
            for (int ins = in.readInt(); ins > 0; ins--) {
                String stream = name + " in " + text(in) + "/" + text(in) + " ";
                for (String counter : new String[] {
                    "acked", "failed", "executed", "executeNs", "executeSamples", "processNs", "processSamples"
                }) {
                    all.put(stream + counter, in.readLong());
                }
            }
            for (int causes = in.readInt(); causes > 0; causes--) {
                all.put(name + " blocked by " + in.readInt(), in.readLong());
            }
        }
        assertEquals(0, in.available());
        return all;
    }

    private static String text(DataInputStream in) throws IOException {
        return new String(in.readNBytes(in.readInt()), java.nio.charset.StandardCharsets.UTF_8);
    }

    @Test
    void blockedTimeNamesItsCause() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> s.out.emit(new Values("x".repeat(100)))).stream("default", "v"));
        builder.setBolt("t", Script.bolt("t", (bolt, tuple) -> {}), 2).shuffleGrouping("s");
        ManualClock clock = new ManualClock();
        FakeLedger ledger = new FakeLedger(clock);
        Parker sleeper = new Parker() {
            @Override
            public void park(long nanos) {
                clock.advanceNanos(5_000_000);
            }

            @Override
            public void unpark() {}
        };
        HostRuntime runtime = Stepper.runtime(new Storm2Line(), builder.createTopology(), Map.of(), Map.of("t", 2), ledger,
                clock, () -> sleeper, 1000);
        runtime.setActive(true);
        Executor spout = runtime.executors().stream().filter(e -> e.spec().spout()).findFirst().orElseThrow();
        spout.init();
        for (int i = 0; i < 2000; i++) {
            spout.runOnce();
            clock.advanceNanos(1_000_000);  // batches leave while they are small: emit itself must not block here
        }
        assertTrue(spout.outbox().hasRefused());
        spout.idle();
        spout.idle();
        Map<String, Long> sample = read(runtime.sample());
        String name = spout.spec().component() + "[" + spout.spec().firstTask() + "," + spout.spec().lastTask() + "]S";
        assertEquals(10_000_000, sample.get(name + " blocked"));
        long causes = sample.entrySet().stream().filter(e -> e.getKey().startsWith(name + " blocked by "))
                .mapToLong(Map.Entry::getValue).sum();
        assertEquals(10_000_000, causes);
        assertEquals(0, sample.get("t[3,3] blocked"));
    }

    @Test
    void countsAreExactWhateverTheSampleRate() throws Exception {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {
            if (s.calls <= 100) {
                s.out.emit(new Values(s.calls), s.calls);
            }
        }).stream("default", "v"));
        Stepper[] stepper = new Stepper[1];
        builder.setBolt("t", Script.bolt("t", (bolt, tuple) -> {
            stepper[0].clock.advanceNanos(2_000_000);
            bolt.out.emit(tuple, new Values(1));
            if (tuple.getInteger(0) % 10 == 0) {
                bolt.out.fail(tuple);
            } else {
                bolt.out.ack(tuple);
            }
            stepper[0].clock.advanceNanos(1_000_000);
        }).stream("default", "v")).shuffleGrouping("s");
        stepper[0] = new Stepper(
                new Storm2Line(), builder.createTopology(), Map.of("topology.stats.sample.rate", 0.1), Map.of(), 0);
        stepper[0].open().settle();
        Map<String, Long> sample = read(stepper[0].runtime.sample());
        assertEquals(100, sample.get("s[2,2]S out default emitted"));
        assertEquals(100, sample.get("s[2,2]S out default transferred"));
        assertEquals(90, sample.get("s[2,2]S out default acked"));
        assertEquals(10, sample.get("s[2,2]S out default failed"));
        assertTrue(sample.get("s[2,2]S out default completeSamples") >= 5);
        assertTrue(sample.get("s[2,2]S out default completeNs")
                >= 3_000_000L * sample.get("s[2,2]S out default completeSamples"));
        assertEquals(0, sample.get("s[2,2]S pending"));
        assertEquals(100, sample.get("t[3,3] in s/default executed"));
        assertEquals(90, sample.get("t[3,3] in s/default acked"));
        assertEquals(10, sample.get("t[3,3] in s/default failed"));
        assertEquals(10, sample.get("t[3,3] in s/default executeSamples"));
        assertEquals(30_000_000, sample.get("t[3,3] in s/default executeNs"));
        long processed = sample.get("t[3,3] in s/default processSamples");
        assertTrue(processed > 0 && processed <= 10);
        assertEquals(2_000_000 * processed, sample.get("t[3,3] in s/default processNs"));
        assertEquals(100, sample.get("t[3,3] out default emitted"));
        assertEquals(0, sample.get("t[3,3] out default transferred"));
        assertEquals(0, sample.get("__acker[1,1] depth"), "executors that do not run are listed, too");
        assertTrue(sample.keySet().stream().noneMatch(name -> name.startsWith("__system")));
    }
}
