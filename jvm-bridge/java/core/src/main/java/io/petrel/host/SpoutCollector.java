package io.petrel.host;

import java.util.List;
import org.apache.storm.spout.ISpoutOutputCollector;

/**
 * A spout task's collector. Storm asks users to emit from the executor's thread only; an emit from another thread works
 * here too, under the lock of the task.
 */
final class SpoutCollector implements ISpoutOutputCollector {
    private final SpoutExecutor executor;
    private final Task task;
    private final TaskWriter own;
    private final RootIds roots;
    private final Object lock = new Object();
    /** Made when a foreign thread first calls. Under the lock. */
    private TaskWriter foreign;

    private RootIds foreignRoots;

    SpoutCollector(SpoutExecutor executor, Task task, TaskWriter own, int incarnation) {
        this.executor = executor;
        this.task = task;
        this.own = own;
        this.roots = new RootIds(task.id(), incarnation, false);
    }

    @Override
    public List<Integer> emit(String stream, List<Object> values, Object messageId) {
        return executor.ownsThread() ? emitOwn(-1, stream, values, messageId)
                                     : emitForeign(-1, stream, values, messageId);
    }

    @Override
    public void emitDirect(int target, String stream, List<Object> values, Object messageId) {
        if (executor.ownsThread()) {
            emitOwn(target, stream, values, messageId);
        } else {
            emitForeign(target, stream, values, messageId);
        }
    }

    @Override
    public long getPendingCount() {
        return executor.pending();
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

    private List<Integer> emitOwn(int target, String stream, List<Object> values, Object messageId) {
        executor.emitted();
        if (messageId == null) {
            return own.emitRoot(target, stream, values, 0);
        }
        if (!own.tracks()) {
            List<Integer> targets = own.emitRoot(target, stream, values, 0);
            executor.ackUntracked(task, messageId);
            return targets;
        }
        long root = roots.next();
        List<Integer> targets = own.emitRoot(target, stream, values, root);
        executor.track(root, task, messageId, own.lastCell(), values);
        return targets;
    }

    private List<Integer> emitForeign(int target, String stream, List<Object> values, Object messageId) {
        synchronized (lock) {
            if (foreign == null) {
                foreign = executor.foreignWriter(task);
                foreignRoots = new RootIds(task.id(), executor.services().incarnation(), true);
            }
            foreign.enter();
            try {
                return emitForeignLocked(target, stream, values, messageId);
            } finally {
                foreign.exit();
            }
        }
    }

    private List<Integer> emitForeignLocked(int target, String stream, List<Object> values, Object messageId) {
        boolean tracked = messageId != null && foreign.tracks();
        long root = tracked ? foreignRoots.next() : 0;
        List<Integer> targets = foreign.emitRoot(target, stream, values, root);
        if (tracked) {
            // In the table before the ledger hears of it, so that no completion comes too early.
            OutCell cell = foreign.lastCell();
            executor.later(() -> executor.track(root, task, messageId, cell, values));
        } else if (messageId != null) {
            executor.later(() -> executor.ackUntracked(task, messageId));
        }
        foreign.leave();
        return targets;
    }
}
