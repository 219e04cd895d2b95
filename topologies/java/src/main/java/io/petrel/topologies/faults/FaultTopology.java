package io.petrel.topologies.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.storm.Config;
import org.apache.storm.StormSubmitter;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.TopologyBuilder;
import org.apache.storm.topology.base.BaseRichBolt;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.TupleImpl;
import org.apache.storm.tuple.Values;

/** numbers -> faulty -> sink; one fault, once, in the place that the mode names. The sink publishes "pid count largest". */
public final class FaultTopology {
    private FaultTopology() {
    }

    /** Emits numbers; an unacked one again after its fail. */
    public static final class Numbers extends BaseRichSpout {
        private final Fault fault;
        private transient SpoutOutputCollector collector;
        private long next;

        Numbers(Fault fault) {
            this.fault = fault;
        }

        @Override
        public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
            this.collector = collector;
            fault.throwNow("open");
        }

        @Override
        public void nextTuple() {
            collector.emit(new Values(next), next);
            if (next++ == 50) {
                fault.throwNow("nextTuple");
            }
        }

        @Override
        public void ack(Object id) {
            if ((Long) id == 50) {
                fault.throwNow("ack");
            }
        }

        @Override
        public void fail(Object id) {
            fault.throwNow("fail");
            collector.emit(new Values(id), id);
        }

        @Override
        public void deactivate() {
            if (fault.now("emit-after-deactivate")) {
                collector.emit(new Values(next), next);
                next++;
            }
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("number"));
        }
    }

    /** Hands numbers on; number 50 meets the fault. */
    public static final class Faulty extends BaseRichBolt {
        private final Fault fault;
        private transient OutputCollector collector;
        private transient TopologyContext context;

        Faulty(Fault fault) {
            this.fault = fault;
        }

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
            this.collector = collector;
            this.context = context;
            fault.throwNow("prepare");
        }

        @Override
        public void execute(Tuple tuple) {
            Object value = tuple.getValue(0);
            if (((Number) value).longValue() >= 50) {
                fault.throwNow("execute");
                if (fault.isDue("fail")) {
                    collector.fail(tuple);
                    return;
                }
                fault.endNow();
                value = oddEmits(tuple, value);
            }
            collector.emit(tuple, new Values(value));
            collector.ack(tuple);
            if (((Number) value).longValue() >= 50) {
                oddAcks(tuple);
            }
        }

        private Object oddEmits(Tuple tuple, Object value) {
            if (fault.now("undeclared-stream")) {
                collector.emit("nowhere", tuple, new Values(value));
            } else if (fault.now("wrong-arity")) {
                collector.emit("odd", tuple, new Values(1, 2, 3));
            } else if (fault.now("null-field")) {
                collector.emit("odd", tuple, new Values((Object) null));
            } else if (fault.now("not-serialisable")) {
                collector.emit("odd", tuple, new Values(new Object()));
            } else if (fault.now("100-mb")) {
                collector.emit("odd", tuple, new Values((Object) new byte[100 << 20]));
            } else if (fault.now("million-fields")) {
                collector.emit("odd", tuple, new ArrayList<>(Arrays.asList(new Object[1_000_000])));
            }
            return value;
        }

        private void oddAcks(Tuple tuple) {
            if (fault.now("ack-twice")) {
                collector.ack(tuple);
            } else if (fault.now("ack-unknown")) {
                collector.ack(new TupleImpl(context, new Values(7L), "numbers", tuple.getSourceTask(), "default"));
            } else if (fault.now("fail-after-ack")) {
                collector.fail(tuple);
            } else if (fault.now("ack-from-thread")) {
                Thread thread = new Thread(() -> collector.ack(tuple));
                thread.start();
                try {
                    thread.join();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        @Override
        public void cleanup() {
            fault.throwNow("cleanup");
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declare(new Fields("number"));
            declarer.declareStream("odd", new Fields("value"));
        }
    }

    /** Publishes what it has seen. */
    public static final class Sink extends BaseRichBolt {
        private final String folder;
        private transient OutputCollector collector;
        private long count;
        private long odd;
        private long publishedNanos;

        Sink(String folder) {
            this.folder = folder;
        }

        @Override
        public void prepare(Map<String, Object> conf, TopologyContext context, OutputCollector collector) {
            this.collector = collector;
        }

        @Override
        public void execute(Tuple tuple) {
            if (tuple.getSourceStreamId().equals("odd")) {
                odd++;
            } else {
                count++;
            }
            collector.ack(tuple);
            if (System.nanoTime() - publishedNanos > 50_000_000) {
                publishedNanos = System.nanoTime();
                publish();
            }
        }

        private void publish() {
            try {
                Path temporary = Path.of(folder, ".sink.tmp");
                Files.writeString(temporary, ProcessHandle.current().pid() + " " + count + " " + odd + "\n");
                Files.move(temporary, Path.of(folder, "sink"), StandardCopyOption.ATOMIC_MOVE);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
        }
    }

    /** Arguments: name, mode, folder. */
    public static void main(String[] args) throws Exception {
        Fault fault = new Fault(args[1], args[2]);
        TopologyBuilder builder = new TopologyBuilder();
        builder.setSpout("numbers", new Numbers(fault));
        builder.setBolt("faulty", new Faulty(fault)).shuffleGrouping("numbers");
        builder.setBolt("sink", new Sink(args[2])).shuffleGrouping("faulty").shuffleGrouping("faulty", "odd");
        Map<String, Object> conf = new HashMap<>();
        conf.put(Config.TOPOLOGY_WORKERS, 1);
        conf.put(Config.TOPOLOGY_MAX_SPOUT_PENDING, 100);
        conf.put(Config.TOPOLOGY_MESSAGE_TIMEOUT_SECS, 5);
        conf.put(Config.TOPOLOGY_WORKER_MAX_HEAP_SIZE_MB, 512);
        conf.put(Config.TOPOLOGY_WORKER_CHILDOPTS, "-XX:MaxMetaspaceSize=128m -XX:MaxDirectMemorySize=128m");
        StormSubmitter.submitTopology(args[0], conf, builder.createTopology());
    }
}
