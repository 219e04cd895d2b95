package io.petrel.host;

import java.util.Collection;
import java.util.List;
import org.apache.storm.task.IOutputCollector;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.TupleImpl;

/**
 * A bolt task's collector. Thread: any. The executor's thread takes no lock; others (windows, ShellBolt and users have
 * such threads) take the lock of the task and hand over at once.
 */
final class BoltCollector implements IOutputCollector {
    private final BoltExecutor executor;
    private final Task task;
    private final TaskWriter own;
    private final Object lock = new Object();
    /** Made when a foreign thread first calls. Under the lock. */
    private TaskWriter foreign;

    BoltCollector(BoltExecutor executor, Task task, TaskWriter own) {
        this.executor = executor;
        this.task = task;
        this.own = own;
    }

    @Override
    public List<Integer> emit(String stream, Collection<Tuple> anchors, List<Object> values) {
        if (executor.ownsThread()) {
            return own.emit(stream, anchors, values);
        }
        synchronized (lock) {
            TaskWriter writer = enterForeign();
            try {
                List<Integer> targets = writer.emit(stream, anchors, values);
                writer.leave();
                return targets;
            } finally {
                writer.exit();
            }
        }
    }

    @Override
    public void emitDirect(int target, String stream, Collection<Tuple> anchors, List<Object> values) {
        if (executor.ownsThread()) {
            own.emitDirect(target, stream, anchors, values);
            return;
        }
        synchronized (lock) {
            TaskWriter writer = enterForeign();
            try {
                writer.emitDirect(target, stream, anchors, values);
                writer.leave();
            } finally {
                writer.exit();
            }
        }
    }

    @Override
    public void ack(Tuple input) {
        if (!own.tracks()) {
            return;
        }
        if (executor.ownsThread()) {
            own.ack(input, executor.processNanos(input));
            return;
        }
        synchronized (lock) {
            TaskWriter writer = enterForeign();
            try {
                writer.ack(input, sampledMillis(input));
                writer.leave();
            } finally {
                writer.exit();
            }
        }
    }

    @Override
    public void fail(Tuple input) {
        if (executor.ownsThread()) {
            own.fail(input, executor.processNanos(input));
            return;
        }
        synchronized (lock) {
            TaskWriter writer = enterForeign();
            try {
                writer.fail(input, sampledMillis(input));
                writer.leave();
            } finally {
                writer.exit();
            }
        }
    }

    @Override
    public void resetTimeout(Tuple input) {
        if (executor.ownsThread()) {
            own.resetTimeout(input);
            return;
        }
        synchronized (lock) {
            TaskWriter writer = enterForeign();
            try {
                writer.resetTimeout(input);
                writer.leave();
            } finally {
                writer.exit();
            }
        }
    }

    /** In the 2.x line a part of the interface. */
    public void flush() {
        if (executor.ownsThread()) {
            own.flush();
        }
    }

    @Override
    public void reportError(Throwable error) {
        executor.services().errors().report(task.component(), task.id(), error);
    }

    private TaskWriter enterForeign() {
        if (foreign == null) {
            foreign = executor.foreignWriter(task);
        }
        foreign.enter();
        return foreign;
    }

    /** In nanoseconds, with the grain of a millisecond; -1 = not sampled. */
    private long sampledMillis(Tuple input) {
        Long start = ((TupleImpl) input).getProcessSampleStartTime();
        return start == null ? -1 : Math.max(0, executor.clock.wallMillis() - start) * 1_000_000L;
    }
}
