package io.petrel.host;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.storm.metric.api.IMetric;
import org.apache.storm.metric.api.IMetricsConsumer;

/** The metrics of the first API: collected per interval and sent to the consumers' components. */
final class Metrics {
    private static final String STREAM = "__metrics";

    private Metrics() {}

    static boolean hasConsumers(Map<String, Route> routes) {
        Route route = routes.get(STREAM);
        return route != null && route.groupers.length > 0;
    }

    /** Thread: the executor's. */
    static void collect(Executor executor, int interval) {
        Map<Integer, Map<String, IMetric>> byTask = executor.parts().metrics.get(interval);
        for (Task task : executor.tasks()) {
            List<Object> points = points(byTask == null ? null : byTask.get(task.id()));
            points.addAll(executor.services().api().metricsPoints(task.id(), executor.spec().conf()));
            if (!points.isEmpty()) {
                List<Object> values = new ArrayList<>(2);
                values.add(new IMetricsConsumer.TaskInfo(
                        hostName(executor), task.userContext().getThisWorkerPort(), task.component(), task.id(),
                        executor.services().clock().wallMillis() / 1000, interval));
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
