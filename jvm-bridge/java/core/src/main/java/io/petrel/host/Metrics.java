package io.petrel.host;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.apache.storm.metric.api.IMetric;
import org.apache.storm.metric.api.IMetricsConsumer;

/** The metrics of the first API: collected per interval and sent to the consumers' components. */
final class Metrics {
    private static final String STREAM = "__metrics";
    private static final String SECOND_API = "topology.enable.v2.metrics.tick";

    private Metrics() {}

    static boolean hasConsumers(Map<String, Route> routes) {
        Route route = routes.get(STREAM);
        return route != null && route.groupers.length > 0;
    }

    /**
     * Seconds between collections: those of registered metrics, and that of the second API's metrics when switched on.
     */
    static Set<Integer> intervals(ExecutorParts parts, Map<String, Object> conf) {
        Set<Integer> intervals = new TreeSet<>(parts.metrics.keySet());
        if (Conf.bool(conf, SECOND_API, false)) {
            intervals.add(secondApiInterval(conf));
        }
        return intervals;
    }

    private static int secondApiInterval(Map<String, Object> conf) {
        return (int) Math.max(1, Conf.integer(conf, "topology.v2.metrics.tick.interval.seconds", 60));
    }

    /** Thread: the executor's. */
    static void collect(Executor executor, int interval) {
        boolean both = interval == secondApiInterval(executor.spec().conf());
        Map<Integer, Map<String, IMetric>> byTask = executor.parts().metrics.get(interval);
        for (Task task : executor.tasks()) {
            List<Object> points = points(byTask == null ? null : byTask.get(task.id()));
            if (both) {
                points.addAll(executor.services().api().metricsPoints(task.id(), executor.spec().conf()));
            }
            if (!points.isEmpty()) {
                List<Object> values = new ArrayList<>(2);
                values.add(new IMetricsConsumer.TaskInfo(hostName(executor), task.userContext().getThisWorkerPort(),
                        task.component(), task.id(), executor.services().clock().wallMillis() / 1000, interval));
                values.add(points);
                executor.writerOf(task.id()).emitSystem(STREAM, values);
            }
        }
    }

    private static List<Object> points(Map<String, IMetric> metrics) {
        List<Object> points = new ArrayList<>();
        if (metrics != null) {
            for (Map.Entry<String, IMetric> entry : metrics.entrySet()) {
                Object value = entry.getValue().getValueAndReset();
                if (value != null) {
                    points.add(new IMetricsConsumer.DataPoint(entry.getKey(), value));
                }
            }
        }
        return points;
    }

    private static String hostName(Executor executor) {
        return Conf.text(executor.services().conf(), "storm.local.hostname", "localhost");
    }
}
