package io.petrel.host.storm2;

import io.petrel.host.Conf;
import io.petrel.host.ExecutorParts;
import io.petrel.host.Plan;
import io.petrel.host.WorkerParts;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.ObjectInputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.storm.generated.NodeInfo;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.hooks.IWorkerHook;
import org.apache.storm.metrics2.StormMetricRegistry;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.task.WorkerUserContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** What a worker of the 2.x line shares between its executors. Thread: the main thread. */
final class Worker2 {
    private static final Logger LOG = LoggerFactory.getLogger(Worker2.class);

    private final WorkerParts parts;
    private final StormMetricRegistry registry = new StormMetricRegistry();
    private final ExecutorService shared;
    private final Map<String, Object> defaultResources = new HashMap<>();
    private final Map<String, Object> userResources = new HashMap<>();
    private final AtomicReference<Map<Integer, NodeInfo>> taskToNode = new AtomicReference<>(new HashMap<>());
    private final AtomicReference<Map<String, String>> nodeToHost = new AtomicReference<>(new HashMap<>());
    private final List<IWorkerHook> hooks = new ArrayList<>();
    private boolean started;

    Worker2(WorkerParts parts) {
        this.parts = parts;
        shared = Executors.newFixedThreadPool(
                (int) Math.max(1, Conf.integer(parts.conf(), "topology.worker.shared.thread.pool.size", 4)), task -> {
                    Thread thread = new Thread(task, "petrel-shared-executor");
                    thread.setDaemon(true);
                    return thread;
                });
        defaultResources.put(WorkerTopologyContext.SHARED_EXECUTOR, shared);
        for (Plan.Container container : parts.plan().containers()) {
            String node = parts.plan().topologyId() + "-container-" + container.id();
            nodeToHost.get().put(node, container.host());
            for (int task : container.tasks()) {
                taskToNode.get().put(task, new NodeInfo(node, Set.of((long) container.port())));
            }
        }
        readHooks();
    }

    WorkerTopologyContext context() {
        Plan plan = parts.plan();
        return new WorkerTopologyContext(
                parts.system(), parts.conf(), parts.taskToComponent(), parts.componentToTasks(),
                parts.componentToStreamToFields(), plan.topologyId(), plan.resourcesDir(), plan.pidDir(), plan.port(),
                parts.workerTasks(), defaultResources, userResources, taskToNode, plan.workerId(), nodeToHost);
    }

    TopologyContext taskContext(int task, StormTopology topology, ExecutorParts executor, AtomicBoolean prepared) {
        Plan plan = parts.plan();
        return new TopologyContext(
                topology, parts.conf(), parts.taskToComponent(), parts.componentToTasks(),
                parts.componentToStreamToFields(), new HashMap<>(), plan.topologyId(), plan.resourcesDir(), plan.pidDir(),
                task, plan.port(), parts.workerTasks(), defaultResources, userResources, executor.executorData,
                executor.metrics, prepared, registry);
    }

    StormMetricRegistry registry() {
        return registry;
    }

    void start() {
        started = true;
        registry.start(parts.conf(), parts.plan().port());
        WorkerUserContext context = new WorkerUserContext(
                parts.user(), parts.conf(), parts.taskToComponent(), parts.componentToTasks(),
                parts.componentToStreamToFields(), parts.plan().topologyId(), parts.plan().resourcesDir(),
                parts.plan().pidDir(), parts.plan().port(), parts.workerTasks(), defaultResources, userResources,
                taskToNode, parts.plan().workerId(), nodeToHost);
        for (IWorkerHook hook : hooks) {
            hook.start(parts.conf(), context);
        }
    }

    void stop() {
        for (IWorkerHook hook : started ? hooks : List.<IWorkerHook>of()) {
            try {
                hook.shutdown();
            } catch (RuntimeException e) {
                LOG.error("Worker hook {} failed while it was shut down", hook.getClass().getName(), e);
            }
        }
        if (started) {
            registry.stop();
        }
        shared.shutdownNow();
    }

    private void readHooks() {
        if (!parts.user().is_set_worker_hooks()) {
            return;
        }
        for (ByteBuffer serialized : parts.user().get_worker_hooks()) {
            byte[] bytes = new byte[serialized.remaining()];
            serialized.duplicate().get(bytes);
            try (ObjectInputStream in = new ObjectInputStream(new ByteArrayInputStream(bytes))) {
                hooks.add((IWorkerHook) in.readObject());
            } catch (IOException | ClassNotFoundException | ClassCastException e) {
                throw new IllegalArgumentException("a worker hook of the topology cannot be read: " + e, e);
            }
        }
    }
}
