package io.petrel.topologies;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/**
 * Reads a text and emits its lines, again and again or a given number of times. Several tasks share the lines. A line
 * that fails is emitted again; the message id is the number of the emit, over all loops.
 */
public final class LineSpout extends BaseRichSpout {
    private final String path;
    private final long loops;
    private final String publishFolder;
    private transient SpoutOutputCollector collector;
    private transient List<String> lines;
    private transient Map<Long, String> pending;
    private transient ArrayDeque<Long> failed;
    private transient Progress progress;
    private long next;

    /** Loops 0: without end. publishFolder null: nothing is published. */
    public LineSpout(String path, long loops, String publishFolder) {
        this.path = path;
        this.loops = loops;
        this.publishFolder = publishFolder;
    }

    @Override
    public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
        this.collector = collector;
        this.pending = new HashMap<>();
        this.failed = new ArrayDeque<>();
        int tasks = context.getComponentTasks(context.getThisComponentId()).size();
        try {
            List<String> all = Files.readAllLines(Path.of(path), StandardCharsets.UTF_8);
            lines = new ArrayList<>(all.size() / tasks + 1);
            for (int i = context.getThisTaskIndex(); i < all.size(); i += tasks) {
                lines.add(all.get(i));
            }
        } catch (IOException e) {
            throw new UncheckedIOException("the text " + path + " cannot be read", e);
        }
        progress = new Progress(publishFolder, "spout-" + context.getThisTaskIndex());
        progress.publish(this::position, true);
    }

    @Override
    public void nextTuple() {
        Long again = failed.poll();
        if (again != null) {
            collector.emit(new Values(pending.get(again)), again);
        } else if (!lines.isEmpty() && (loops == 0 || next < loops * lines.size())) {
            long id = next++;
            String line = lines.get((int) (id % lines.size()));
            pending.put(id, line);
            collector.emit(new Values(line), id);
        }
        progress.publish(this::position, false);
    }

    @Override
    public void ack(Object id) {
        pending.remove(id);
        progress.publish(this::position, pending.isEmpty());
    }

    @Override
    public void fail(Object id) {
        if (pending.containsKey(id)) {
            failed.add((Long) id);
            progress.failures++;
        }
    }

    @Override
    public void deactivate() {
        progress.publish(this::position, true);
    }

    private String position() {
        return "emitted " + next + "\npending " + pending.size() + "\nfailed " + progress.failures + "\n";
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(new Fields("line"));
    }
}
