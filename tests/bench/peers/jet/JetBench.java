package io.petrel.bench;

import com.hazelcast.config.Config;
import com.hazelcast.config.JoinConfig;
import com.hazelcast.core.Hazelcast;
import com.hazelcast.core.HazelcastInstance;
import com.hazelcast.jet.Traversers;
import com.hazelcast.jet.config.JobConfig;
import com.hazelcast.jet.config.ProcessingGuarantee;
import com.hazelcast.jet.datamodel.Tuple3;
import com.hazelcast.jet.pipeline.Pipeline;
import com.hazelcast.jet.pipeline.ServiceFactories;
import com.hazelcast.jet.pipeline.Sink;
import com.hazelcast.jet.pipeline.SinkBuilder;
import com.hazelcast.jet.pipeline.Sinks;
import com.hazelcast.jet.pipeline.SourceBuilder;
import com.hazelcast.jet.pipeline.StreamSource;
import com.hazelcast.jet.pipeline.StreamStage;
import io.petrel.topologies.bench.Meter;
import io.petrel.topologies.bench.Pace;
import io.petrel.topologies.bench.Words;
import java.util.HashMap;
import java.util.Map;

/**
 * The shapes wc, sent and chain on Hazelcast Jet in this JVM. Arguments KEY=VALUE: shape, folder, par, members (two talk over
 * TCP; Jet spreads every step over both), ports (the first of the members'), checkpoint (ms, at least once), rate (a
 * second, stamped).
 */
public final class JetBench {
    private static final int ITEMS_OF_A_CALL = 128;

    private JetBench() {
    }

    /** As many texts as the system takes, or a fixed rate of stamped words. */
    static final class Filler {
        private final Words.Picker words;
        private final Pace pace;

        Filler(String shape, double rate, long seed) {
            words = new Words.Picker(Words.pool(shape), seed);
            pace = rate > 0 ? new Pace(rate) : null;
        }

        void fill(SourceBuilder.SourceBuffer<String> buffer) {
            for (int i = 0; i < ITEMS_OF_A_CALL; i++) {
                buffer.add(words.next());
            }
        }

        void fillPaced(SourceBuilder.SourceBuffer<Tuple3<String, Long, Long>> buffer) {
            for (int i = 0; i < ITEMS_OF_A_CALL; i++) {
                long now = System.nanoTime();
                long due = pace.due();
                if (now < due) {
                    return;
                }
                pace.sent();
                buffer.add(Tuple3.tuple3(words.next(), now, due));
            }
        }
    }

    /** Counts where the words come. */
    static final class Count {
        private final Map<String, Long> counts = new HashMap<>();
        private final Meter.Cell seen;
        private final Meter.Cell due;

        Count(String folder, int index, boolean stamped) {
            seen = Meter.cell(folder, "sink-" + index);
            due = stamped ? Meter.cell(folder, "due-" + index) : null;
        }

        String count(String word) {
            counts.merge(word, 1L, Long::sum);
            seen.add();
            return null;  // nothing is emitted after the count, as in the other systems
        }

        String count(Tuple3<String, Long, Long> tuple) {
            count(tuple.f0());
            long now = System.nanoTime();
            seen.time(now - tuple.f1());
            due.time(now - tuple.f2());
            return null;
        }
    }

    private static HazelcastInstance start(int members, int port) {
        HazelcastInstance last = null;
        for (int i = 0; i < members; i++) {
            Config conf = new Config();
            conf.setClusterName("bench-" + port);
            conf.getJetConfig().setEnabled(true).setCooperativeThreadCount(2);
            conf.setProperty("hazelcast.phone.home.enabled", "false");
            conf.setProperty("hazelcast.socket.bind.any", "false");
            conf.getNetworkConfig().setPort(port).setPortCount(members).setPublicAddress("127.0.0.1")
                    .getInterfaces().setEnabled(true).addInterface("127.0.0.1");
            JoinConfig join = conf.getNetworkConfig().getJoin();
            join.getAutoDetectionConfig().setEnabled(false);
            join.getMulticastConfig().setEnabled(false);
            join.getTcpIpConfig().setEnabled(members > 1);
            for (int member = 0; member < members; member++) {
                join.getTcpIpConfig().addMember("127.0.0.1:" + (port + member));
            }
            last = Hazelcast.newHazelcastInstance(conf);
        }
        return last;
    }

    private static Pipeline paced(String folder, int parallelism, double rate) {
        Pipeline pipeline = Pipeline.create();
        StreamSource<Tuple3<String, Long, Long>> source = SourceBuilder
                .stream("source", x -> new Filler("wc", rate / x.totalParallelism(), 1 + x.globalProcessorIndex()))
                .<Tuple3<String, Long, Long>>fillBufferFn(Filler::fillPaced).distributed(parallelism).build();
        pipeline.readFrom(source).withoutTimestamps().groupingKey(Tuple3::f0)
                .mapUsingService(ServiceFactories.nonSharedService(x -> new Count(folder, x.globalProcessorIndex(), true)),
                        (count, key, tuple) -> count.count(tuple))
                .setLocalParallelism(parallelism).writeTo(Sinks.noop());
        return pipeline;
    }

    private static Pipeline unpaced(String shape, String folder, int parallelism) {
        Pipeline pipeline = Pipeline.create();
        StreamSource<String> source = SourceBuilder.stream("source", x -> new Filler(shape, 0, 1 + x.globalProcessorIndex()))
                .<String>fillBufferFn(Filler::fill).distributed(parallelism).build();
        StreamStage<String> stage = pipeline.readFrom(source).withoutTimestamps();
        if (shape.equals("chain")) {
            Sink<String> sink = SinkBuilder.sinkBuilder("sink", x -> Meter.cell(folder, "sink-" + x.globalProcessorIndex()))
                    .<String>receiveFn((cell, text) -> cell.add()).preferredLocalParallelism(parallelism).build();
            stage.map(text -> text).setLocalParallelism(parallelism).writeTo(sink);
            return pipeline;
        }
        if (shape.equals("sent")) {
            stage = stage.flatMap(sentence -> Traversers.traverseArray(sentence.split(" "))).setLocalParallelism(parallelism);
        }
        stage.groupingKey(word -> word)
                .mapUsingService(ServiceFactories.nonSharedService(x -> new Count(folder, x.globalProcessorIndex(), false)),
                        (count, key, word) -> count.count(word))
                .setLocalParallelism(parallelism).writeTo(Sinks.noop());
        return pipeline;
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (String arg : args) {
            String[] pair = arg.split("=", 2);
            options.put(pair[0], pair[1]);
        }
        String folder = options.get("folder");
        int parallelism = Integer.parseInt(options.getOrDefault("par", "1"));
        double rate = Double.parseDouble(options.getOrDefault("rate", "0"));
        HazelcastInstance jet = start(Integer.parseInt(options.getOrDefault("members", "1")), Integer.parseInt(options.get("ports")));
        JobConfig job = new JobConfig();
        if (options.containsKey("checkpoint")) {
            job.setProcessingGuarantee(ProcessingGuarantee.AT_LEAST_ONCE)
                    .setSnapshotIntervalMillis(Long.parseLong(options.get("checkpoint")));
        }
        jet.getJet().newJob(rate > 0 ? paced(folder, parallelism, rate) : unpaced(options.get("shape"), folder, parallelism), job);
        Thread.sleep(Long.MAX_VALUE);
    }
}
