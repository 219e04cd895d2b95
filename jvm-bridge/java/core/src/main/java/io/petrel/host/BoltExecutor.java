package io.petrel.host;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.apache.storm.task.IBolt;
import org.apache.storm.task.OutputCollector;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.TupleImpl;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Runs the tasks of a bolt. */
public final class BoltExecutor extends Executor {
    private static final Logger LOG = LoggerFactory.getLogger("org.apache.storm.executor.bolt.BoltExecutor");
    private static final long IDLE_NANOS = 10_000_000_000L;

    /** Tuples before it: with fewer, a spout may wait for what this bolt has acked. */
    private static final int WORTH_GATHERING = 1024;

    /** Storm's default rate: one in twenty. */
    private static final double USUAL_RATE = 0.05;

    private final Sampler sampler;
    /** A sample costs four looks at the clock: of a batch one is enough, unless the user asked for many. */
    private final boolean oneOfABatch;
    private boolean sampledOfBatch;
    private final List<TaskWriter> writers = new ArrayList<>();
    private final List<BoltCollector> collectors = new ArrayList<>();
    private IBolt[] bolts;
    /** The batch that is being processed, and the next entry in it. */
    private TupleBatch batch;
    /** Batches from outside of the cycle, while it is full. Their credit does not return meanwhile. */
    private final ArrayDeque<TupleBatch> held = new ArrayDeque<>();
    /** 0 outside of cycles. */
    private int cycleBit;

    private int at;
    /** Made when the first tuple of another host comes; it is in the midst of the section that is being processed. */
    private TupleDecoder decoder;
    /** The task that the section is for; 0 when the batch has objects. */
    private int sectionTask;
    /** The tuple in execute when it is sampled, and since when. */
    private Tuple sampled;

    private long sampledSince;

    public BoltExecutor(ExecutorSpec spec, Services services, ExecutorParts parts, Parker parker) {
        super(spec, services, parts, parker);
        double rate = Conf.decimal(spec.conf(), "topology.stats.sample.rate", USUAL_RATE);
        sampler = new Sampler(rate, spec.firstTask());
        oneOfABatch = rate <= USUAL_RATE;
    }

    @Override
    public boolean runOnce() throws Exception {
        boolean worked = runControl();
        if (!outbox.retry()) {
            flush();
            return worked;
        }
        worked |= sendMarkers();
        if (batch == null) {
            batch = take();
            if (batch == null) {
                flush();
                return worked;
            }
            at = batch.first();
            if (acks != null) {
                acks.gather(queue().tuples() >= WORTH_GATHERING);
            }
            sectionTask = 0;
            sampledOfBatch = false;
            if (batch.getClass() != TupleBatch.class) {
                unpack(batch);
            }
        }
        processBatch();
        return true;
    }

    /** The bit of the cycle that the bolt is in. Before the first step. */
    void inCycle(int bit) {
        cycleBit = bit;
    }

    private boolean isClosed() {
        return cycleBit != 0 && services.pressure().holds(cycleBit);
    }

    /** The next batch. While the cycle is full only one that came from inside of it; both kinds keep their order. */
    private TupleBatch take() {
        boolean closed = isClosed();
        if (!closed && !held.isEmpty()) {
            return held.poll();
        }
        for (TupleBatch next; (next = queue().poll()) != null;) {
            if (!closed || next.inner) {
                return next;
            }
            held.add(next);
        }
        return null;
    }

    /** What is not a batch of objects: sections of other hosts and markers. */
    private void unpack(TupleBatch taken) {
        if (taken instanceof MarkerBatch) {
            markerCame(((MarkerBatch) taken).marker());
            return;
        }
        InboundBatch section = (InboundBatch) taken;
        if (section.isMarker()) {
            markerCame(Marker.decode(section.takeEncoded()));
        } else {
            if (decoder == null) {
                decoder = new TupleDecoder(services.topology(), services.streams(), services.api(), tupleContext(),
                        services.codecs());
            }
            decoder.begin(section);
            sectionTask = section.destinationTask();
        }
        services.links().consumed(section.flowLow(), section.flowHigh(), section.encodedBytes());
    }

    @Override
    protected long idleNanos() {
        return IDLE_NANOS;
    }

    @Override
    protected boolean hasWork() {
        return !control.isEmpty() || !outbox.hasRefused() && hasInput();
    }

    @Override
    protected boolean hasInput() {
        return batch != null || !queue().isEmpty() || !held.isEmpty() && !isClosed();
    }

    @Override
    protected boolean isPressed() {
        return !held.isEmpty() && isClosed();
    }

    @Override
    protected void makeCollectors() {
        for (Task task : tasks) {
            TaskWriter writer = ownWriter(task);
            writers.add(writer);
            collectors.add(new BoltCollector(this, task, writer));
        }
    }

    @Override
    protected void prepareTasks() throws Exception {
        LOG.info("Preparing bolt {}:{}", spec.component(), ids());
        bolts = new IBolt[tasks.size()];
        for (int i = 0; i < bolts.length; i++) {
            Task task = tasks.get(i);
            bolts[i] = (IBolt) task.object();
            services.api().offerCredentials(bolts[i], Collections.emptyMap());
            bolts[i].prepare(spec.conf(), task.userContext(), new OutputCollector(collectors.get(i)));
        }
        LOG.info("Prepared bolt {}:{}", spec.component(), ids());
    }

    @Override
    protected void tick(long seconds) throws Exception {
        for (Task task : tasks) {
            execute(task.id(), Ticks.tuple(this, seconds));
        }
    }

    @Override
    TaskWriter writerOf(int task) {
        return writers.get(task - spec.firstTask());
    }

    /** Nanoseconds that a tuple has been here, -1 when it is not sampled. Thread: the owner. */
    long processNanos(Tuple input) {
        if (input == sampled) {
            return clock.nanos() - sampledSince;
        }
        Long start = ((TupleImpl) input).getProcessSampleStartTime();
        return start == null ? -1 : Math.max(0, clock.wallMillis() - start) * 1_000_000L;
    }

    private void processBatch() throws Exception {
        TupleBatch current = batch;
        int end = current.end();
        boolean heavy = current.isHeavy();
        while (at < end) {
            int i = at++;
            if (sectionTask != 0) {
                execute(sectionTask, decoder.next());
            } else {
                Tuple tuple = current.tuple(i);
                int task = current.task(i);
                if (heavy) {
                    current.clear(i);
                }
                execute(task, tuple);
            }
            flushIfOld();
            if (outbox.hasRefused() && at < end) {
                return;
            }
        }
        batch = null;
        queue().release(current);
    }

    /** Storm wraps what execute throws, and tools know the look of it. */
    private void execute(int id, Tuple tuple) {
        try {
            executeUnwrapped(id, tuple);
        } catch (Exception e) {
            throw new RuntimeException(e);
        }
    }

    private void executeUnwrapped(int id, Tuple tuple) {
        int index = id - spec.firstTask();
        Task task = tasks.get(index);
        calling();
        boolean observed = task.observed();
        if (observed) {
            task.onReceive(tuple);
        }
        InCell cell = inputs.of(tuple.getSourceComponent(), tuple.getSourceStreamId());
        cell.executed++;
        boolean sample = sampler.take() && !(oneOfABatch && sampledOfBatch);
        if (!sample && !observed) {
            bolts[index].execute(tuple);
            return;
        }
        executeObserved(task, bolts[index], tuple, cell, sample);
    }

    private void executeObserved(Task task, IBolt bolt, Tuple tuple, InCell cell, boolean sample) {
        long since = clock.nanos();
        if (sample) {
            sampledOfBatch = true;
            long wallMillis = clock.wallMillis();
            ((TupleImpl) tuple).setProcessSampleStartTime(wallMillis);
            ((TupleImpl) tuple).setExecuteSampleStartTime(wallMillis);
            sampled = tuple;
            sampledSince = since;
        }
        bolt.execute(tuple);
        long nanos = clock.nanos() - since;
        if (sample) {
            sampled = null;
            cell.executeNanos += nanos;
            cell.executeSamples++;
        }
        if (task.observed()) {
            task.onExecuted(tuple, sample ? nanos / 1_000_000 : -1);
        }
    }

    private List<Integer> ids() {
        List<Integer> ids = new ArrayList<>();
        for (Task task : tasks) {
            ids.add(task.id());
        }
        return ids;
    }
}
