package io.petrel.host.storm2;

import io.petrel.host.ApiLine;
import io.petrel.host.Conf;
import java.util.Map;
import org.apache.storm.generated.Bolt;
import org.apache.storm.generated.ComponentCommon;
import org.apache.storm.generated.SpoutSpec;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.shade.net.minidev.json.JSONValue;

/** Fills in topology.tasks of every component, as Storm's master does at submit: users and task ids depend on it. */
final class TaskCounts {
    private static final String TASKS = "topology.tasks";
    private static final String MAX = "topology.max.task.parallelism";

    private TaskCounts() {}

    static void fillIn(StormTopology topology, Map<String, Object> conf, ApiLine api) {
        for (SpoutSpec spout : topology.get_spouts().values()) {
            fillIn(spout.get_common(), conf, api);
        }
        for (Bolt bolt : topology.get_bolts().values()) {
            fillIn(bolt.get_common(), conf, api);
        }
    }

    private static void fillIn(ComponentCommon common, Map<String, Object> conf, ApiLine api) {
        Map<String, Object> own = api.parseJson(common.get_json_conf());
        long hint = common.is_set_parallelism_hint() ? common.get_parallelism_hint() : 1;
        long tasks = Conf.integer(own, TASKS, hint);
        Object max = own.containsKey(MAX) ? own.get(MAX) : conf.get(MAX);
        if (max instanceof Number) {
            tasks = Math.min(tasks, ((Number) max).longValue());
        }
        own.put(TASKS, (int) tasks);
        common.set_json_conf(JSONValue.toJSONString(own));
    }
}
