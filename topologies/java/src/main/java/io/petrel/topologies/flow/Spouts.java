package io.petrel.topologies.flow;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.tuple.Values;
import org.apache.storm.utils.Utils;

/** The spouts of the flow topologies that do more than emit. */
final class Spouts {
    private Spouts() {
    }

    /** Emits so many tuples, and then its nextTuple never returns. */
    static final class Stuck extends Source {
        private final long after;

        Stuck(String folder, long after) {
            super(folder, 10, 0, 0, true);
            this.after = after;
        }

        @Override
        public void nextTuple() {
            while (emitted >= after) {
                try {
                    Thread.sleep(1000);
                } catch (InterruptedException e) {
                    // It really never returns.
                }
            }
            super.nextTuple();
        }
    }

    /** Emits a tuple of so many bytes each time that the file "big" has changed. */
    static final class Big extends Source {
        private final int size;
        private final String file;
        private long seen;

        Big(String folder, int size) {
            super(folder, 0, 0, 0, true);
            this.size = size;
            this.file = folder + "/big";
        }

        @Override
        public void nextTuple() {
            Utils.sleep(5);
            long changed = Path.of(file).toFile().lastModified();
            if (changed == seen) {
                idle();
                return;
            }
            seen = changed;
            emitOne(new byte[size]);
        }
    }

    /** Sends two tuples to each task of "sleeper", one task after the other, in one call each. */
    static final class Pairs extends Source {
        private final String folder;
        private final long everyMillis;
        private transient List<Integer> targets;
        private transient SpoutOutputCollector out;
        private int next;

        Pairs(String folder, long everyMillis) {
            super(folder, 1, 0, 0, false);
            this.folder = folder;
            this.everyMillis = everyMillis;
        }

        @Override
        public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
            super.open(conf, context, collector);
            out = collector;
            targets = context.getComponentTasks("sleeper");
        }

        @Override
        public void nextTuple() {
            if (next >= targets.size() || !Files.exists(Path.of(folder, "go"))) {
                Utils.sleep(20);
                return;
            }
            Utils.sleep(everyMillis);
            for (int i = 0; i < 2; i++) {
                out.emitDirect(targets.get(next), "pairs", new Values("x", order.next()));
            }
            next++;
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declareStream("pairs", true, Counted.FIELDS);
        }
    }
}
