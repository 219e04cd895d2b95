package io.petrel.bench;

import io.petrel.topologies.bench.Meter;
import io.petrel.topologies.bench.Pace;
import io.petrel.topologies.bench.Words;
import java.util.HashMap;
import java.util.Map;
import org.apache.flink.api.common.functions.RichFlatMapFunction;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.TypeHint;
import org.apache.flink.api.common.typeinfo.TypeInformation;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple3;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.RestOptions;
import org.apache.flink.configuration.TaskManagerOptions;
import org.apache.flink.runtime.minicluster.MiniCluster;
import org.apache.flink.runtime.minicluster.MiniClusterConfiguration;
import org.apache.flink.streaming.api.CheckpointingMode;
import org.apache.flink.streaming.api.datastream.DataStream;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.RichSinkFunction;
import org.apache.flink.streaming.api.functions.source.RichParallelSourceFunction;
import org.apache.flink.util.Collector;

/**
 * The shapes wc, sent and chain on a Flink mini-cluster in this JVM. Arguments KEY=VALUE: shape, folder, par, members (task
 * managers: the steps of a shape are in different ones, which talk over TCP), checkpoint (ms, at least once), rate
 * (a second, stamped), buffer (ms).
 */
public final class FlinkBench {
    private FlinkBench() {
    }

    /** As many texts as the system takes. */
    public static final class Source extends RichParallelSourceFunction<String> {
        private final String shape;
        private volatile boolean on = true;

        Source(String shape) {
            this.shape = shape;
        }

        @Override
        public void run(SourceContext<String> context) {
            Words.Picker words = new Words.Picker(Words.pool(shape), 1 + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask());
            Object lock = context.getCheckpointLock();
            while (on) {
                synchronized (lock) {
                    context.collect(words.next());
                }
            }
        }

        @Override
        public void cancel() {
            on = false;
        }
    }

    /** A fixed rate of words with the times when they were emitted and due. */
    public static final class PacedSource extends RichParallelSourceFunction<Tuple3<String, Long, Long>> {
        private final double rate;
        private volatile boolean on = true;

        PacedSource(double rate) {
            this.rate = rate;
        }

        @Override
        public void run(SourceContext<Tuple3<String, Long, Long>> context) throws Exception {
            Words.Picker words = new Words.Picker(Words.dictionary(), 1 + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask());
            Pace pace = new Pace(rate);
            Object lock = context.getCheckpointLock();
            while (on) {
                long now = System.nanoTime();
                long due = pace.due();
                if (now < due) {
                    Thread.sleep(1);
                    continue;
                }
                pace.sent();
                synchronized (lock) {
                    context.collect(Tuple3.of(words.next(), now, due));
                }
            }
        }

        @Override
        public void cancel() {
            on = false;
        }
    }

    private static Meter.Cell cell(org.apache.flink.api.common.functions.RuntimeContext context, String folder, String kind) {
        return Meter.cell(folder, kind + "-" + context.getTaskInfo().getIndexOfThisSubtask());
    }

    /** Counts in a map of its own, or in Flink's keyed state where there are checkpoints. */
    public static final class Count extends KeyedProcessFunction<String, String, Void> {
        private final String folder;
        private final boolean keyed;
        private transient Map<String, Long> counts;
        private transient ValueState<Long> state;
        private transient Meter.Cell seen;

        Count(String folder, boolean keyed) {
            this.folder = folder;
            this.keyed = keyed;
        }

        @Override
        public void open(Configuration unused) {
            counts = new HashMap<>();
            state = keyed ? getRuntimeContext().getState(new ValueStateDescriptor<>("n", Types.LONG)) : null;
            seen = cell(getRuntimeContext(), folder, "sink");
        }

        @Override
        public void processElement(String word, Context context, Collector<Void> out) throws Exception {
            if (keyed) {
                Long n = state.value();
                state.update(n == null ? 1 : n + 1);
            } else {
                counts.merge(word, 1L, Long::sum);
            }
            seen.add();
        }
    }

    /** Counts, and takes the times. */
    public static final class PacedCount extends KeyedProcessFunction<String, Tuple3<String, Long, Long>, Void> {
        private final String folder;
        private transient Map<String, Long> counts;
        private transient Meter.Cell seen;
        private transient Meter.Cell due;

        PacedCount(String folder) {
            this.folder = folder;
        }

        @Override
        public void open(Configuration unused) {
            counts = new HashMap<>();
            seen = cell(getRuntimeContext(), folder, "sink");
            due = cell(getRuntimeContext(), folder, "due");
        }

        @Override
        public void processElement(Tuple3<String, Long, Long> tuple, Context context, Collector<Void> out) {
            counts.merge(tuple.f0, 1L, Long::sum);
            seen.add();
            long now = System.nanoTime();
            seen.time(now - tuple.f1);
            due.time(now - tuple.f2);
        }
    }

    /** Counts only. */
    public static final class Null extends RichSinkFunction<String> {
        private final String folder;
        private transient Meter.Cell seen;

        Null(String folder) {
            this.folder = folder;
        }

        @Override
        public void open(Configuration unused) {
            seen = cell(getRuntimeContext(), folder, "sink");
        }

        @Override
        public void invoke(String text, Context context) {
            seen.add();
        }
    }

    /** A word for each word of the sentence. */
    public static final class Split extends RichFlatMapFunction<String, String> {
        @Override
        public void flatMap(String sentence, Collector<String> out) {
            for (String word : sentence.split(" ")) {
                out.collect(word);
            }
        }
    }

    private static Configuration configuration() {
        Configuration conf = new Configuration();
        conf.set(RestOptions.BIND_PORT, "0");
        conf.set(RestOptions.ADDRESS, "127.0.0.1");
        conf.setString("taskmanager.host", "127.0.0.1");
        conf.set(TaskManagerOptions.MANAGED_MEMORY_SIZE, MemorySize.ofMebiBytes(64));
        conf.set(TaskManagerOptions.NETWORK_MEMORY_MIN, MemorySize.ofMebiBytes(64));
        conf.set(TaskManagerOptions.NETWORK_MEMORY_MAX, MemorySize.ofMebiBytes(64));
        return conf;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (String arg : args) {
            String[] pair = arg.split("=", 2);
            options.put(pair[0], pair[1]);
        }
        String shape = options.get("shape");
        String folder = options.get("folder");
        int members = Integer.parseInt(options.getOrDefault("members", "1"));
        int parallelism = Integer.parseInt(options.getOrDefault("par", "1"));
        double rate = Double.parseDouble(options.getOrDefault("rate", "0"));
        boolean checkpoints = options.containsKey("checkpoint");
        // As many slots as are needed, so that no two steps of a pinned shape share a task manager: wc has two, the others three.
        int slots = members > 1 ? parallelism * (shape.equals("wc") ? 1 : 2) : 4;
        MiniCluster cluster = new MiniCluster(new MiniClusterConfiguration.Builder().setConfiguration(configuration())
                .setNumTaskManagers(members).setNumSlotsPerTaskManager(slots).build());
        cluster.start();
        StreamExecutionEnvironment env = new StreamExecutionEnvironment(new Configuration());
        env.setParallelism(parallelism);
        if (checkpoints) {
            env.enableCheckpointing(Long.parseLong(options.get("checkpoint")), CheckpointingMode.AT_LEAST_ONCE);
        }
        if (options.containsKey("buffer")) {
            env.setBufferTimeout(Long.parseLong(options.get("buffer")));
        }
        String second = members > 1 ? "second" : "default";
        String third = members > 1 ? "third" : "default";
        if (rate > 0) {
            env.addSource(new PacedSource(rate / parallelism))
                    .returns(TypeInformation.of(new TypeHint<Tuple3<String, Long, Long>>() { }))
                    .keyBy(tuple -> tuple.f0).process(new PacedCount(folder)).slotSharingGroup(second);
        } else {
            DataStream<String> source = env.addSource(new Source(shape)).returns(Types.STRING);
            switch (shape) {
                case "wc" -> source.keyBy(word -> word).process(new Count(folder, checkpoints)).slotSharingGroup(second);
                case "sent" -> source.flatMap(new Split()).slotSharingGroup(second)
                        .keyBy(word -> word).process(new Count(folder, checkpoints)).slotSharingGroup(third);
                case "chain" -> {
                    env.disableOperatorChaining();  // else the three steps are one call
                    source.map(text -> text).returns(Types.STRING).slotSharingGroup(second)
                            .addSink(new Null(folder)).slotSharingGroup(third);
                }
                default -> throw new IllegalArgumentException("there is no shape " + shape);
            }
        }
        cluster.submitJob(env.getStreamGraph().getJobGraph()).get();
        Thread.sleep(Long.MAX_VALUE);
    }
}
