package io.petrel.host;

import java.util.List;
import java.util.Map;
import org.apache.storm.generated.Grouping;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.grouping.CustomStreamGrouping;
import org.apache.storm.task.GeneralTopologyContext;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.tuple.MessageId;
import org.apache.storm.tuple.Tuple;

/**
 * What differs between the API lines of Storm (1.2, 2.x): constructors, class names, what a worker starts. One
 * implementation per line, in a module of its own. Thread: the main thread, except {@link #newTuple}.
 */
public interface ApiLine {
    /** JSON to maps, with the number classes that Storm gives to users. */
    Map<String, Object> parseJson(String json);

    /**
     * With the number of tasks filled in, as Storm's master does before a worker sees it.
     *
     * @throws RuntimeException with a sentence when the bytes are not a StormTopology
     */
    StormTopology parseTopology(byte[] bytes, Map<String, Object> conf);

    /** With the system's components and streams, as Storm's own code adds them. */
    StormTopology systemTopology(Map<String, Object> conf, StormTopology user);

    /** Task ids to components, as Storm's own code numbers them. */
    Map<Integer, String> taskInfo(StormTopology user, Map<String, Object> conf);

    /** The conf of a component: the topology's, overlaid by what a component may set. */
    Map<String, Object> componentConf(Map<String, Object> conf, String jsonConf);

    /** Builds what the worker shares (metrics registry, shared executor) and the worker's context. */
    WorkerTopologyContext openWorker(WorkerParts parts);

    /** The context of a task, over the user's topology (for user code) or the system's (for tuples). */
    TopologyContext taskContext(int task, StormTopology topology, ExecutorParts parts);

    /** From now on metrics can no longer be registered. */
    void markPrepared(ExecutorParts parts);

    /** The object of a component: any arm of ComponentObject, shell components wrapped. */
    Object instantiate(StormTopology system, String component);

    /** The object of a custom grouping, not yet prepared. */
    CustomStreamGrouping customGrouping(Grouping grouping);

    /** Thread: any. */
    Tuple newTuple(GeneralTopologyContext context, List<Object> values, String component, int task, String stream,
            MessageId id);

    /** Reporters of the metrics registry, worker hooks' start. After boot, before executors. */
    void startWorker();

    /** Worker hooks' shutdown, registry, shared executor. */
    void stopWorker();

    /** The bolt that runs once per worker as task -1, or null when the line has none in Java. */
    Object systemBolt();

    /** Credentials to hand to a component before it is prepared, if it listens for them. */
    void offerCredentials(Object component, Map<String, String> credentials);

    /** The user's own wait strategy for spouts, or null when ours applies. */
    SpoutWait customSpoutWait(Map<String, Object> conf);

    /** Data points of the second metrics API for a task, for the first API's consumers; empty when switched off. */
    List<Object> metricsPoints(int task, Map<String, Object> conf);
}
