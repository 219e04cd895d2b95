package io.petrel.topologies.flow;

import io.petrel.topologies.Progress;
import io.petrel.topologies.ledger.Order;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Values;

/**
 * Emits strings of so many bytes as fast as it may, or at a rate, with acks or without. Publishes "pid emitted acked failed
 * p50 p99 max active" as COMPONENT-TASK; p50, p99 and max are microseconds from emit to ack since the file "mark" last changed. Once
 * it has published active 0, nothing more is emitted.
 */
class Source extends BaseRichSpout {
    private static final int BUCKETS = 400;
    private final String folder;
    private final int bytes;
    private final long ratePerSecond;
    private final long most;
    private final boolean tracked;
    transient SpoutOutputCollector collector;
    transient Order order;
    private transient Progress progress;
    private transient Map<Long, Long> open;
    private transient int[] latencies;
    private transient long mark;
    private transient String value;
    private transient Path markFile;
    private long slowest;
    private long startNanos;
    private boolean active;
    long emitted;
    long acked;
    long failed;

    /** @param ratePerSecond 0: as fast as it may; @param most 0: without end */
    Source(String folder, int bytes, long ratePerSecond, long most, boolean tracked) {
        this.folder = folder;
        this.bytes = bytes;
        this.ratePerSecond = ratePerSecond;
        this.most = most;
        this.tracked = tracked;
    }

    @Override
    public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
        this.collector = collector;
        order = new Order();
        progress = new Progress(folder, context.getThisComponentId() + "-" + context.getThisTaskId());
        open = new HashMap<>();
        latencies = new int[BUCKETS];
        value = "x".repeat(bytes);
        markFile = Path.of(folder, "mark");
        startNanos = System.nanoTime();
    }

    @Override
    public void nextTuple() {
        progress.publish(this::published, false);
        if (most > 0 && emitted >= most
                || ratePerSecond > 0 && emitted >= (System.nanoTime() - startNanos) * ratePerSecond / 1_000_000_000) {
            return;
        }
        emitOne(value);
    }

    /** For a nextTuple that emits nothing. */
    void idle() {
        progress.publish(this::published, false);
    }

    @Override
    public void activate() {
        active = true;
    }

    @Override
    public void deactivate() {
        active = false;
        progress.publish(this::published, true);
    }

    /** Nobody calls an inactive spout but for acks: the last of them show themselves. */
    private boolean isLast() {
        return !active && (open.size() & 63) == 0;
    }

    void emitOne(Object payload) {
        emitted++;
        Values values = new Values(payload, order.next());
        if (tracked) {
            open.put(emitted, System.nanoTime());
            collector.emit(values, emitted);
        } else {
            collector.emit(values);
        }
    }

    @Override
    public void ack(Object id) {
        acked++;
        long nanos = System.nanoTime() - open.remove((Long) id);
        slowest = Math.max(slowest, nanos);
        latencies[bucket(nanos)]++;
        progress.publish(this::published, isLast());
    }

    @Override
    public void fail(Object id) {
        failed++;
        open.remove((Long) id);
        progress.publish(this::published, isLast());
    }

    /** Ten buckets for each doubling, from a microsecond on. */
    private static int bucket(long nanos) {
        return (int) Math.min(BUCKETS - 1, Math.max(0, 10 * Math.log(nanos / 1000.0 + 1) / Math.log(2)));
    }

    private long quantile(double share) {
        long all = Arrays.stream(latencies).asLongStream().sum();
        long seen = 0;
        for (int i = 0; i < BUCKETS; i++) {
            seen += latencies[i];
            if (all > 0 && seen >= share * all) {
                return (long) Math.pow(2, (i + 1) / 10.0);
            }
        }
        return 0;
    }

    private String published() {
        try {
            long changed = Files.exists(markFile) ? Files.getLastModifiedTime(markFile).toMillis() : 0;
            if (changed != mark) {
                mark = changed;
                slowest = 0;
                Arrays.fill(latencies, 0);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return ProcessHandle.current().pid() + " " + emitted + " " + acked + " " + failed + " " + quantile(0.5) + " "
                + quantile(0.99) + " " + slowest / 1000 + " " + (active ? 1 : 0) + "\n";
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(Counted.FIELDS);
    }
}
