package io.petrel.host;

import java.util.Collection;
import java.util.List;
import org.apache.storm.hooks.ITaskHook;
import org.apache.storm.hooks.info.BoltAckInfo;
import org.apache.storm.hooks.info.BoltExecuteInfo;
import org.apache.storm.hooks.info.BoltFailInfo;
import org.apache.storm.hooks.info.EmitInfo;
import org.apache.storm.hooks.info.SpoutAckInfo;
import org.apache.storm.hooks.info.SpoutFailInfo;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.tuple.Tuple;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One task: the user's object with its context, and the choke point through which everything that watches a task goes
 * (topology.debug lines, task hooks). The hot path asks {@link #observed} and goes on when the answer is no.
 */
public final class Task {
    // The names under which Storm writes these lines: tools look for them.
    private static final Logger TASK_LOG = LoggerFactory.getLogger("org.apache.storm.daemon.Task");
    private static final Logger EXECUTOR_LOG = LoggerFactory.getLogger("org.apache.storm.executor.Executor");
    private static final Logger BOLT_LOG = LoggerFactory.getLogger("org.apache.storm.executor.bolt.BoltExecutor");
    private static final Logger SPOUT_LOG = LoggerFactory.getLogger("org.apache.storm.executor.spout.SpoutExecutor");
    private static final Logger COLLECTOR_LOG =
            LoggerFactory.getLogger("org.apache.storm.executor.bolt.BoltOutputCollectorImpl");

    private final int id;
    private final String component;
    private final Object object;
    private final TopologyContext userContext;
    private final Collection<ITaskHook> hooks;
    private final boolean debug;

    public Task(int id, String component, Object object, TopologyContext userContext, boolean debug) {
        this.id = id;
        this.component = component;
        this.object = object;
        this.userContext = userContext;
        this.hooks = userContext.getHooks();
        this.debug = debug;
    }

    public int id() {
        return id;
    }

    public String component() {
        return component;
    }

    /** The user's spout or bolt. */
    public Object object() {
        return object;
    }

    public TopologyContext userContext() {
        return userContext;
    }

    Collection<ITaskHook> hooks() {
        return hooks;
    }

    /** Users may add hooks at any time, so the list itself is asked. */
    boolean observed() {
        return debug || !hooks.isEmpty();
    }

    void onEmit(String stream, List<Object> values, List<Integer> targets) {
        if (debug) {
            TASK_LOG.info(
                    "Emitting Tuple: taskId={} componentId={} stream={} values={}", id, component, stream, values);
        }
        emitHooks(stream, values, targets);
    }

    void onEmitDirect(int target, String stream, List<Object> values, List<Integer> targets) {
        if (debug) {
            TASK_LOG.info("Emitting direct: {}; {} {} {} ", target, component, stream, values);
        }
        emitHooks(stream, values, targets);
    }

    void onReceive(Tuple tuple) {
        if (debug) {
            EXECUTOR_LOG.info("Processing received TUPLE: {} for TASK: {} ", tuple, id);
        }
    }

    void onExecuted(Tuple tuple, long deltaMillis) {
        if (debug) {
            BOLT_LOG.info("Execute done TUPLE {} TASK: {} DELTA: {}", tuple, id, deltaMillis);
        }
        if (!hooks.isEmpty()) {
            BoltExecuteInfo info = new BoltExecuteInfo(tuple, id, deltaMillis);
            for (ITaskHook hook : hooks) {
                hook.boltExecute(info);
            }
        }
    }

    void onBoltAck(Tuple tuple, long deltaMillis) {
        if (debug) {
            COLLECTOR_LOG.info("BOLT ack TASK: {} TIME: {} TUPLE: {}", id, deltaMillis, tuple);
        }
        if (!hooks.isEmpty()) {
            BoltAckInfo info = new BoltAckInfo(tuple, id, deltaMillis);
            for (ITaskHook hook : hooks) {
                hook.boltAck(info);
            }
        }
    }

    void onBoltFail(Tuple tuple, long deltaMillis) {
        if (debug) {
            COLLECTOR_LOG.info("BOLT fail TASK: {} TIME: {} TUPLE: {}", id, deltaMillis, tuple);
        }
        if (!hooks.isEmpty()) {
            BoltFailInfo info = new BoltFailInfo(tuple, id, deltaMillis);
            for (ITaskHook hook : hooks) {
                hook.boltFail(info);
            }
        }
    }

    void beforeSpoutAck(long root, Object messageId) {
        if (debug) {
            SPOUT_LOG.info("SPOUT Acking message {} {}", root, messageId);
        }
    }

    void afterSpoutAck(Object messageId, Long latencyMillis) {
        if (!hooks.isEmpty()) {
            SpoutAckInfo info = new SpoutAckInfo(messageId, id, latencyMillis);
            for (ITaskHook hook : hooks) {
                hook.spoutAck(info);
            }
        }
    }

    void beforeSpoutFail(long root, Object described, String reason) {
        if (debug) {
            SPOUT_LOG.info("SPOUT Failing {} : {} REASON: {}", root, described, reason);
        }
    }

    void afterSpoutFail(Object messageId, Long latencyMillis) {
        if (!hooks.isEmpty()) {
            SpoutFailInfo info = new SpoutFailInfo(messageId, id, latencyMillis);
            for (ITaskHook hook : hooks) {
                hook.spoutFail(info);
            }
        }
    }

    boolean debug() {
        return debug;
    }

    private void emitHooks(String stream, List<Object> values, List<Integer> targets) {
        if (!hooks.isEmpty()) {
            EmitInfo info = new EmitInfo(values, stream, id, targets);
            for (ITaskHook hook : hooks) {
                hook.emit(info);
            }
        }
    }
}
