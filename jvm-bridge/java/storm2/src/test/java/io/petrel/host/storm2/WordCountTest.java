package io.petrel.host.storm2;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.HostClock;
import io.petrel.host.HostRuntime;
import io.petrel.host.ThreadParker;
import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.Stepper;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.BasicOutputCollector;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseBasicBolt;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.Values;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** A word count through the whole host on real threads; the counts must be exact. */
class WordCountTest {
    private static final int LINES = 20_000;
    private static final String[] WORDS = {"storm", "petrel", "wave", "wind", "gull", "ümlaut", "漢字", ""};

    static final Map<String, Integer> COUNTS = new ConcurrentHashMap<>();
    static final AtomicInteger ACKED = new AtomicInteger();
    static final AtomicInteger FAILED = new AtomicInteger();
    static final AtomicInteger EMITTED = new AtomicInteger();

    @BeforeEach
    void clear() {
        COUNTS.clear();
        ACKED.set(0);
        FAILED.set(0);
        EMITTED.set(0);
    }

    /** Each task emits the lines whose number it owns. */
    public static class Lines extends BaseRichSpout {
        private SpoutOutputCollector collector;
        private int next;
        private int step;

        @Override
        public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector out) {
            collector = out;
            next = context.getThisTaskIndex();
            step = context.getComponentTasks(context.getThisComponentId()).size();
        }

        @Override
        public void nextTuple() {
            if (next < LINES) {
                collector.emit(new Values(line(next)), next);
                next += step;
                EMITTED.incrementAndGet();
            }
        }

        @Override
        public void ack(Object id) {
            ACKED.incrementAndGet();
        }

        @Override
        public void fail(Object id) {
            FAILED.incrementAndGet();
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("line"));
        }
    }

    public static class Split extends BaseBasicBolt {
        @Override
        public void execute(Tuple input, BasicOutputCollector collector) {
            for (String word : input.getString(0).split(" ", -1)) {
                collector.emit(new Values(word));
            }
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("word"));
        }
    }

    /** Counts on its own: a word must always come to the same task. */
    public static class Count extends BaseBasicBolt {
        private final Map<String, Integer> own = new HashMap<>();

        @Override
        public void execute(Tuple input, BasicOutputCollector collector) {
            String word = input.getStringByField("word");
            int count = own.merge(word, 1, Integer::sum);
            COUNTS.put(word, count);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {}
    }

    static String line(int number) {
        Random random = new Random(number);
        StringBuilder line = new StringBuilder();
        for (int i = 0, n = 1 + random.nextInt(10); i < n; i++) {
            line.append(i == 0 ? "" : " ").append(WORDS[random.nextInt(WORDS.length)]);
        }
        return line.toString();
    }

    private static Map<String, Integer> reference() {
        Map<String, Integer> counts = new HashMap<>();
        for (int i = 0; i < LINES; i++) {
            for (String word : line(i).split(" ", -1)) {
                counts.merge(word, 1, Integer::sum);
            }
        }
        return counts;
    }

    private static StormTopology topology() {
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("lines", new Lines(), 2).setNumTasks(3);
        builder.setBolt("split", new Split(), 2).shuffleGrouping("lines");
        builder.setBolt("count", new Count(), 2).setNumTasks(4).fieldsGrouping("split", new Fields("word"));
        return builder.createTopology();
    }

    @Test
    @Timeout(60)
    void countsExactlyOnRealThreadsWithAcks() throws Exception {
        run(Map.of("topology.max.spout.pending", 500), 0);
        assertEquals(LINES, ACKED.get());
    }

    @Test
    @Timeout(60)
    void countsExactlyWithTinyQueues() throws Exception {
        run(Map.of(), 4096);
        assertEquals(LINES, ACKED.get());
    }

    @Test
    @Timeout(60)
    void countsExactlyWithoutAckers() throws Exception {
        run(Map.of("topology.acker.executors", 0), 0);
        assertEquals(LINES, ACKED.get(), "without ackers a message is acked inside emit");
    }

    private static void run(Map<String, Object> settings, long queueLimit) throws Exception {
        Map<String, Integer> reference = reference();
        FakeLedger ledger = new FakeLedger(HostClock.SYSTEM);
        HostRuntime runtime = Stepper.runtime(
                new Storm2Line(), topology(), settings, Map.of("lines", 2, "split", 2, "count", 2), ledger,
                HostClock.SYSTEM, ThreadParker::new, queueLimit);
        runtime.start(true);
        try {
            long deadline = System.nanoTime() + 50_000_000_000L;
            while (!(ACKED.get() == LINES && COUNTS.equals(reference)) && System.nanoTime() < deadline) {
                ledger.awaitDone(5);
                ledger.deliver(runtime);
                assertNull(ledger.death());
            }
            assertEquals(LINES, EMITTED.get());
            assertEquals(reference, COUNTS);
            assertEquals(0, FAILED.get());
            assertEquals(1, ledger.preparedCalls());
            assertEquals(0, ledger.openTrees());
        } finally {
            runtime.stop(5000);
        }
        assertTrue(ledger.errors().isEmpty(), () -> ledger.errors().toString());
    }
}
