package io.petrel.topologies.ledger;

import io.petrel.topologies.ledger.RecordLog.Kind;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.TreeMap;
import org.apache.storm.spout.SpoutOutputCollector;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.topology.base.BaseRichSpout;
import org.apache.storm.tuple.Fields;
import org.apache.storm.tuple.Values;

/**
 * Emits (spout task, sequence, attempt) with unique sequences, logs each emit, ack and fail, and emits again what its log says
 * was not acked: after a fail, and after a restart. rate: tuples a second of each task, 0 for as many as possible.
 */
public final class LedgerSpout extends BaseRichSpout {
    static final Fields FIELDS = new Fields("spout", "sequence", "attempt", "number");
    private final String folder;
    private final long ratePerSecond;
    private transient SpoutOutputCollector collector;
    private transient RecordLog log;
    private transient Map<Long, Integer> attempts;  // sequence -> newest attempt, for all that is not acked
    private transient ArrayDeque<Long> again;
    private transient Order order;
    private int task;
    private long next;
    private long startNanos;
    private long paced;

    public LedgerSpout(String folder, long ratePerSecond) {
        this.folder = folder;
        this.ratePerSecond = ratePerSecond;
    }

    /** A message id: one attempt of one sequence. */
    record Attempt(long sequence, int number) implements java.io.Serializable {
    }

    @Override
    public void open(Map<String, Object> conf, TopologyContext context, SpoutOutputCollector collector) {
        this.collector = collector;
        task = context.getThisTaskId();
        order = new Order();
        attempts = new HashMap<>();
        again = new ArrayDeque<>();
        log = new RecordLog(Path.of(folder, "spout-" + task + ".log"));
        TreeMap<Long, Integer> open = new TreeMap<>();
        log.replay(record -> {
            long sequence = record.getLong(8);
            if (record.get(0) == Kind.EMIT) {
                next = Math.max(next, sequence + 1);
                open.merge(sequence, record.getInt(16), Math::max);
            } else if (record.get(0) == Kind.ACK) {
                open.remove(sequence);
            }
        });
        attempts.putAll(open);
        again.addAll(open.keySet());
        log.append(Kind.OPEN, 0, task, again.size(), 0, task);
        startNanos = System.nanoTime();
    }

    @Override
    public void activate() {
        startNanos = System.nanoTime();
        paced = 0;
    }

    @Override
    public void nextTuple() {
        Long replay = again.poll();
        if (replay != null) {
            if (attempts.containsKey(replay)) {
                emit(replay, attempts.get(replay) + 1);
            }
            return;
        }
        if (ratePerSecond > 0 && paced >= (System.nanoTime() - startNanos) * ratePerSecond / 1_000_000_000) {
            return;
        }
        paced++;
        emit(next++, 1);
    }

    private void emit(long sequence, int attempt) {
        attempts.put(sequence, attempt);
        log.append(Kind.EMIT, 0, task, sequence, attempt, task);
        collector.emit(new Values(task, sequence, attempt, order.next()), new Attempt(sequence, attempt));
    }

    @Override
    public void ack(Object id) {
        Attempt attempt = (Attempt) id;
        log.append(Kind.ACK, 0, task, attempt.sequence, attempt.number, task);
        attempts.remove(attempt.sequence);
    }

    @Override
    public void fail(Object id) {
        Attempt attempt = (Attempt) id;
        log.append(Kind.FAIL, 0, task, attempt.sequence, attempt.number, task);
        again.add(attempt.sequence);
    }

    @Override
    public void declareOutputFields(OutputFieldsDeclarer declarer) {
        declarer.declare(FIELDS);
    }
}
