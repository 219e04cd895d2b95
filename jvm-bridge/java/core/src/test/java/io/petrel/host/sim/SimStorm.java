package io.petrel.host.sim;

import io.petrel.host.ApiLine;
import io.petrel.host.grouping.Grouper;
import io.petrel.host.grouping.Groupers;
import io.petrel.host.grouping.GroupingSpec;
import io.petrel.host.sim.SimPlan.Edge;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.storm.generated.GlobalStreamId;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.grouping.CustomStreamGrouping;
import org.apache.storm.metrics2.StormMetricRegistry;
import org.apache.storm.task.GeneralTopologyContext;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.MessageId;
import org.apache.storm.tuple.TupleImpl;

/** What a schedule needs of Storm, made once: anew for each of ten thousand schedules it would take too long. */
final class SimStorm {
    static final TopologyContext CONTEXT = context();
    private static final ApiLine API = (ApiLine) Proxy.newProxyInstance(
            SimStorm.class.getClassLoader(), new Class<?>[] {ApiLine.class}, (proxy, method, args) -> {
                switch (method.getName()) {
                    case "newTuple":
                        return newTuple(args);
                    case "markPrepared":
                    case "offerCredentials":
                    case "customSpoutWait":
                        return null;
                    default:
                        throw new UnsupportedOperationException(method.getName());
                }
            });
    private static final ExecutorService OTHER = Executors.newSingleThreadExecutor(task -> {
        Thread thread = new Thread(task, "users-own");
        thread.setDaemon(true);
        return thread;
    });

    private SimStorm() {}

    static ApiLine api() {
        return API;
    }

    @SuppressWarnings("unchecked")
    private static Object newTuple(Object[] args) {
        return new TupleImpl(
                (GeneralTopologyContext) args[0], (List<Object>) args[1], (String) args[2], (Integer) args[3],
                (String) args[4], (MessageId) args[5]);
    }

    private static TopologyContext context() {
        Map<String, Map<String, Fields>> streams = new HashMap<>();
        Fields fields = new Fields("key", "node", "filler");
        for (int i = 0; i < 8; i++) {
            for (String kind : new String[] {"spout", "bolt"}) {
                streams.put(kind + i, Map.of(
                        "s0", fields, "s1", fields, "chain", fields, SimPlan.DIRECT, fields, SimPlan.BACK, fields));
            }
        }
        return new TopologyContext(
                new StormTopology(Map.of(), Map.of(), Map.of()), Map.of("storm.cluster.mode", "distributed"), Map.of(),
                Map.of(), streams, Map.of(), "sim", null, null, 1, 6700, List.of(), Map.of(), Map.of(),
                new HashMap<>(), new HashMap<>(),
                new AtomicBoolean(), new StormMetricRegistry());
    }

    /** Any part of the targets, none included; the same for the same tuple number. */
    private static final class SomeTargets implements CustomStreamGrouping {
        private static final long serialVersionUID = 1L;
        private List<Integer> targets;
        private int calls;

        @Override
        public void prepare(WorkerTopologyContext context, GlobalStreamId stream, List<Integer> all) {
            targets = all;
        }

        @Override
        public List<Integer> chooseTasks(int task, List<Object> values) {
            List<Integer> chosen = new ArrayList<>();
            int bits = calls++;
            for (int i = 0; i < targets.size(); i++) {
                if ((bits >> i & 1) != 0) {
                    chosen.add(targets.get(i));
                }
            }
            return chosen;
        }
    }

    static Grouper grouper(Edge edge, int firstTask, Random random) {
        int[] targets = edge.to().taskIds();
        int[] local = new int[random.nextInt(targets.length + 1)];
        System.arraycopy(targets, 0, local, 0, local.length);
        return Groupers.create(new GroupingSpec(
                edge.kind(), new int[] {0}, targets, local, edge.loadAware(), new SomeTargets(), null,
                new GlobalStreamId(edge.from().name, edge.stream()),
                Groupers.seed(random.nextLong(), firstTask, edge.stream(), edge.to().name)));
    }

    static Grouper wrongNowAndThen(Grouper right, int[] targets, Random random) {
        return new Grouper() {
            @Override
            public int choose(int sourceTask, List<Object> values, int[] out) {
                int count = right.choose(sourceTask, values, out);
                if (random.nextInt(5) == 0) {
                    out[0] = targets[random.nextInt(targets.length)];
                }
                return count;
            }

            @Override
            public int maxTargets() {
                return right.maxTargets();
            }
        };
    }

    /** Runs on a thread that owns no executor, and waits: only one thread runs at a time. */
    static void onOtherThread(Runnable action) {
        try {
            OTHER.submit(action).get();
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof Error) {
                throw (Error) e.getCause();
            }
            throw new IllegalStateException(e.getCause());
        }
    }
}
