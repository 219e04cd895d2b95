package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.HostClock;
import io.petrel.host.HostRuntime;
import io.petrel.host.ThreadParker;
import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.Stepper;
import java.io.File;
import java.util.List;
import java.util.Map;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Storm's own ShellBolt with a child process: its reader thread emits, acks and fails. */
@Timeout(60)
class ShellTest {
    @BeforeEach
    void clear() {
        Script.clear();
    }

    /** As users write it. */
    public static class Twice extends ShellBolt implements IRichBolt {
        public Twice(String script) {
            super("/usr/bin/python3", script, "2");
            changeChildCWD(false);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("v"));
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return null;
        }
    }

    @Test
    void aShellBoltEmitsAcksAndFailsThroughItsChild() throws Exception {
        String script = new File(ShellTest.class.getResource("/shell_bolt.py").toURI()).getPath();
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("s", Script.spout("s", s -> {
            if (s.calls <= 50) {
                s.out.emit(new Values(s.calls == 7 ? "bad" : "v" + s.calls), s.calls);
            }
        }).stream("default", "v"));
        builder.setBolt("shell", new Twice(script)).shuffleGrouping("s");
        builder.setBolt("sink", Script.bolt("sink", (bolt, tuple) -> {
            Script.see(tuple.getString(0));
            bolt.out.ack(tuple);
        })).shuffleGrouping("shell");
        FakeLedger ledger = new FakeLedger(HostClock.SYSTEM);
        HostRuntime runtime = Stepper.runtime(
                new Storm2Line(), builder.createTopology(), Map.of(), Map.of(), ledger, HostClock.SYSTEM,
                ThreadParker::new, 0);
        runtime.start(true);
        try {
            long deadline = System.nanoTime() + 50_000_000_000L;
            while (Script.log("s ack").size() + Script.log("s fail").size() < 50 && System.nanoTime() < deadline) {
                ledger.awaitDone(10);
                ledger.deliver(runtime);
                assertNull(ledger.death());
            }
            assertEquals(49, Script.log("s ack").size(), () -> Script.log().toString());
            assertEquals(List.of("s fail 7"), Script.log("s fail"));
            assertEquals(98, Script.seen().size());
            assertTrue(ledger.errors().isEmpty());
        } finally {
            runtime.stop(5000);
        }
    }
}
