package io.petrel.host;

import java.util.List;
import java.util.Map;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.tuple.Fields;

/** What the contexts of a worker are made of. */
public record WorkerParts(
        Plan plan,
        Map<String, Object> conf,
        StormTopology user,
        StormTopology system,
        Map<Integer, String> taskToComponent,
        Map<String, List<Integer>> componentToTasks,
        Map<String, Map<String, Fields>> componentToStreamToFields,
        List<Integer> workerTasks) {}
