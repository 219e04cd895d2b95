package io.petrel.bench;

import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.generated.ComponentCommon;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.metric.StormMetricsRegistry;
import org.apache.storm.scheduler.Cluster;
import org.apache.storm.scheduler.ExecutorDetails;
import org.apache.storm.scheduler.IScheduler;
import org.apache.storm.scheduler.Topologies;
import org.apache.storm.scheduler.TopologyDetails;
import org.apache.storm.scheduler.WorkerSlot;
import org.apache.storm.utils.ObjectReader;
import org.apache.storm.utils.Utils;

/**
 * Puts executors where the benchmark wants them: those of a component whose conf has petrel.container: N into the Nth worker
 * (from 1), all others in turn, in the order of their tasks.
 */
public final class PinScheduler implements IScheduler {
    @Override
    public void prepare(Map<String, Object> conf, StormMetricsRegistry metrics) {
    }

    @Override
    public void schedule(Topologies topologies, Cluster cluster) {
        for (TopologyDetails topology : topologies) {
            if (!cluster.needsScheduling(topology)) {
                continue;
            }
            cluster.unassign(topology.getId());
            List<WorkerSlot> slots = cluster.getAvailableSlots();
            slots.sort((a, b) -> Integer.compare(a.getPort(), b.getPort()));
            if (slots.size() < topology.getNumWorkers()) {
                continue;  // asked again every few seconds
            }
            Map<WorkerSlot, Collection<ExecutorDetails>> placed = place(topology, slots);
            placed.forEach((slot, executors) -> cluster.assign(slot, topology.getId(), executors));
        }
    }

    private static Map<WorkerSlot, Collection<ExecutorDetails>> place(TopologyDetails topology, List<WorkerSlot> slots) {
        List<ExecutorDetails> executors = new ArrayList<>(topology.getExecutors());
        executors.sort((a, b) -> Integer.compare(a.getStartTask(), b.getStartTask()));
        Map<WorkerSlot, Collection<ExecutorDetails>> placed = new HashMap<>();
        int turn = 0;
        for (ExecutorDetails executor : executors) {
            int container = container(topology.getTopology(), topology.getComponentFromExecutor(executor));
            int index = container > 0 ? container - 1 : turn++ % topology.getNumWorkers();
            placed.computeIfAbsent(slots.get(index), s -> new ArrayList<>()).add(executor);
        }
        return placed;
    }

    private static int container(StormTopology topology, String component) {
        ComponentCommon common = topology.get_spouts().containsKey(component) ? topology.get_spouts().get(component).get_common()
                : topology.get_bolts().containsKey(component) ? topology.get_bolts().get(component).get_common() : null;
        if (common == null || common.get_json_conf() == null) {
            return 0;
        }
        return ObjectReader.getInt(Utils.parseJson(common.get_json_conf()).get("petrel.container"), 0);
    }

    @Override
    public Map<String, Map<String, Double>> config() {
        return Map.of();
    }
}
