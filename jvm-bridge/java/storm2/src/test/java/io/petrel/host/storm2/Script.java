package io.petrel.host.storm2;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;

/**
 * Components that do what a test says. They travel serialised, as all do, so their bodies are found by name; what
 * happens to them is written to a log.
 */
final class Script {
    private static final Map<String, SpoutBody> SPOUTS = new ConcurrentHashMap<>();
    private static final Map<String, BoltBody> BOLTS = new ConcurrentHashMap<>();
    private static final List<String> LOG = Collections.synchronizedList(new ArrayList<>());
    private static final List<Object> SEEN = Collections.synchronizedList(new ArrayList<>());

    private Script() {}

    interface SpoutBody {
        void next(Spout spout) throws Exception;

        default void open(Spout spout) {}
    }

    interface BoltBody {
        void execute(Bolt bolt, Tuple tuple) throws Exception;

        default void prepare(Bolt bolt) {}
    }

    static void clear() {
        SPOUTS.clear();
        BOLTS.clear();
        LOG.clear();
        SEEN.clear();
    }

    static Spout spout(String name, SpoutBody body) {
        SPOUTS.put(name, body);
        return new Spout(name);
    }

    static Bolt bolt(String name, BoltBody body) {
        BOLTS.put(name, body);
        return new Bolt(name);
    }

    static List<String> log() {
        synchronized (LOG) {
            return new ArrayList<>(LOG);
        }
    }

    /** Lines of the log with this prefix. */
    static List<String> log(String prefix) {
        return log().stream().filter(line -> line.startsWith(prefix)).toList();
    }

    static void say(String line) {
        LOG.add(line);
    }

    /** What bodies wanted to remember. */
    static List<Object> seen() {
        synchronized (SEEN) {
            return new ArrayList<>(SEEN);
        }
    }

    static void see(Object object) {
        SEEN.add(object);
    }

    private static RuntimeException unchecked(Exception e) {
        return e instanceof RuntimeException ? (RuntimeException) e : new RuntimeException(e);
    }

    /** A spout. */
    static final class Spout extends BaseRichSpout {
        private final String name;
        private final Map<String, List<String>> streams = new LinkedHashMap<>();
        private final Map<String, List<String>> directStreams = new LinkedHashMap<>();
        private final Map<String, Object> settings = new HashMap<>();
        transient SpoutOutputCollector out;
        transient TopologyContext context;
        transient Map<String, Object> conf;
        transient int calls;

        private Spout(String name) {
            this.name = name;
        }

        Spout stream(String stream, String... fields) {
            streams.put(stream, new ArrayList<>(List.of(fields)));
            return this;
        }

        Spout direct(String stream, String... fields) {
            directStreams.put(stream, new ArrayList<>(List.of(fields)));
            return this;
        }

        Spout set(String key, Object value) {
            settings.put(key, value);
            return this;
        }

        @Override
        public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector out) {
            this.conf = conf;
            this.context = context;
            this.out = out;
            say(name + " open");
            SPOUTS.get(name).open(this);
        }

        @Override
        public void nextTuple() {
            calls++;
            try {
                SPOUTS.get(name).next(this);
            } catch (Exception e) {
                throw unchecked(e);
            }
        }

        @Override
        public void activate() {
            say(name + " activate");
        }

        @Override
        public void deactivate() {
            say(name + " deactivate");
        }

        @Override
        public void ack(Object id) {
            say(name + " ack " + id);
        }

        @Override
        public void fail(Object id) {
            say(name + " fail " + id);
        }

        @Override
        public void close() {
            say(name + " close");
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            streams.forEach((stream, fields) -> declarer.declareStream(stream, new Fields(fields)));
            directStreams.forEach((stream, fields) -> declarer.declareStream(stream, true, new Fields(fields)));
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return settings;
        }
    }

    /** A bolt. */
    static final class Bolt extends BaseRichBolt {
        private final String name;
        private final Map<String, List<String>> streams = new LinkedHashMap<>();
        private final Map<String, List<String>> directStreams = new LinkedHashMap<>();
        private final Map<String, Object> settings = new HashMap<>();
        transient OutputCollector out;
        transient TopologyContext context;
        transient Map<String, Object> conf;

        private Bolt(String name) {
            this.name = name;
        }

        Bolt stream(String stream, String... fields) {
            streams.put(stream, new ArrayList<>(List.of(fields)));
            return this;
        }

        Bolt direct(String stream, String... fields) {
            directStreams.put(stream, new ArrayList<>(List.of(fields)));
            return this;
        }

        Bolt set(String key, Object value) {
            settings.put(key, value);
            return this;
        }

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector out) {
            this.conf = conf;
            this.context = context;
            this.out = out;
            say(name + " prepare");
            BOLTS.get(name).prepare(this);
        }

        @Override
        public void execute(Tuple tuple) {
            try {
                BOLTS.get(name).execute(this, tuple);
            } catch (Exception e) {
                throw unchecked(e);
            }
        }

        @Override
        public void cleanup() {
            say(name + " cleanup");
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            streams.forEach((stream, fields) -> declarer.declareStream(stream, new Fields(fields)));
            directStreams.forEach((stream, fields) -> declarer.declareStream(stream, true, new Fields(fields)));
        }

        @Override
        public Map<String, Object> getComponentConfiguration() {
            return settings;
        }
    }
}
