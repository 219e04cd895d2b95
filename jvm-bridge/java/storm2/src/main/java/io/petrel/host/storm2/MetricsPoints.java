package io.petrel.host.storm2;

import com.codahale.metrics.Counter;
import com.codahale.metrics.Gauge;
import com.codahale.metrics.Histogram;
import com.codahale.metrics.Meter;
import com.codahale.metrics.Metered;
import com.codahale.metrics.Snapshot;
import com.codahale.metrics.Timer;
import io.petrel.host.Conf;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.storm.metric.api.IMetricsConsumer.DataPoint;
import org.apache.storm.metrics2.StormMetricRegistry;

/** A task's metrics of the second API as data points of the first. */
final class MetricsPoints {
    private static final double NANOS_PER_MILLI = 1e6;

    private MetricsPoints() {}

    static List<Object> of(StormMetricRegistry registry, int task, Map<String, Object> conf) {
        List<Object> points = new ArrayList<>();
        if (!Conf.bool(conf, "topology.enable.v2.metrics.tick", false)) {
            return points;
        }
        for (Map.Entry<String, Gauge> entry : registry.getTaskGauges(task).entrySet()) {
            Object value = entry.getValue().getValue();
            if (value instanceof Number) {
                points.add(new DataPoint(entry.getKey(), value));
            }
        }
        for (Map.Entry<String, Counter> entry : registry.getTaskCounters(task).entrySet()) {
            points.add(new DataPoint(entry.getKey(), entry.getValue().getCount()));
        }
        for (Map.Entry<String, Histogram> entry : registry.getTaskHistograms(task).entrySet()) {
            snapshot(points, entry.getKey(), entry.getValue().getSnapshot(), 1);
        }
        for (Map.Entry<String, Meter> entry : registry.getTaskMeters(task).entrySet()) {
            rates(points, entry.getKey(), entry.getValue());
        }
        for (Map.Entry<String, Timer> entry : registry.getTaskTimers(task).entrySet()) {
            snapshot(points, entry.getKey(), entry.getValue().getSnapshot(), NANOS_PER_MILLI);
            rates(points, entry.getKey(), entry.getValue());
        }
        return points;
    }

    private static void rates(List<Object> points, String name, Metered metered) {
        points.add(new DataPoint(name + ".m1_rate", metered.getOneMinuteRate()));
        points.add(new DataPoint(name + ".m5_rate", metered.getFiveMinuteRate()));
        points.add(new DataPoint(name + ".m15_rate", metered.getFifteenMinuteRate()));
        points.add(new DataPoint(name + ".mean_rate", metered.getMeanRate()));
    }

    private static void snapshot(List<Object> points, String name, Snapshot values, double unit) {
        points.add(new DataPoint(name + ".max", values.getMax() / unit));
        points.add(new DataPoint(name + ".mean", values.getMean() / unit));
        points.add(new DataPoint(name + ".min", values.getMin() / unit));
        points.add(new DataPoint(name + ".stddev", values.getStdDev() / unit));
        points.add(new DataPoint(name + ".p50", values.getMedian() / unit));
        points.add(new DataPoint(name + ".p75", values.get75thPercentile() / unit));
        points.add(new DataPoint(name + ".p95", values.get95thPercentile() / unit));
        points.add(new DataPoint(name + ".p98", values.get98thPercentile() / unit));
        points.add(new DataPoint(name + ".p99", values.get99thPercentile() / unit));
        points.add(new DataPoint(name + ".p999", values.get999thPercentile() / unit));
    }
}
