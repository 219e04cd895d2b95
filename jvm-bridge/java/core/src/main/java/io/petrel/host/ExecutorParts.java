package io.petrel.host;

import java.util.HashMap;
import java.util.Map;
import org.apache.storm.metric.api.IMetric;

/** What the tasks of one executor share through their contexts. */
public final class ExecutorParts {
    /** TopologyContext.setExecutorData. */
    public final Map<String, Object> executorData = new HashMap<>();

    /** Interval in seconds, task, name. Filled by TopologyContext.registerMetric. */
    public final Map<Integer, Map<Integer, Map<String, IMetric>>> metrics = new HashMap<>();

    /** The API line's own flag for "prepare has been called". */
    public Object preparedFlag;
}
