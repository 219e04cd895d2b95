package io.petrel.host.testkit;

import io.petrel.host.Plan;
import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;

/** Writes a plan as the native side does: one container for each host. */
public final class PlanBytes {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    private final DataOutputStream out = new DataOutputStream(bytes);

    private PlanBytes() {}

    /**
     * @param tasks task ids to components, as Storm numbers them
     * @param spouts names of the spouts
     * @param executorsOf executors of a component; 1 when absent
     */
    public static byte[] of(Map<Integer, String> tasks, List<String> spouts, Map<String, Integer> executorsOf) {
        return of(tasks, spouts, executorsOf, 1, 0, firstTask -> 0);
    }

    /**
     * The same for one of several hosts.
     *
     * @param slotOf the host of an executor, by its first task
     */
    public static byte[] of(Map<Integer, String> tasks, List<String> spouts, Map<String, Integer> executorsOf, int hosts,
            int slot, IntUnaryOperator slotOf) {
        PlanBytes plan = new PlanBytes();
        try {
            plan.write(new TreeMap<>(tasks), spouts, executorsOf, hosts, slot, slotOf);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return plan.bytes.toByteArray();
    }

    private void write(TreeMap<Integer, String> tasks, List<String> spouts, Map<String, Integer> executorsOf, int hosts,
            int slot, IntUnaryOperator slotOf) throws IOException {
        TreeMap<String, List<Integer>> byComponent = new TreeMap<>();
        tasks.forEach((task, component) -> byComponent.computeIfAbsent(component, name -> new ArrayList<>()).add(task));
        out.writeInt(Plan.VERSION);
        text("test-1-1700000000");
        text("test");
        out.writeLong(1);
        out.writeInt(slot + 1);
        out.writeInt(1);
        text("localhost");
        out.writeInt(6700);
        text("worker-1");
        text("/tmp");
        text("/tmp");
        out.writeInt(byComponent.size());
        for (Map.Entry<String, List<Integer>> entry : byComponent.entrySet()) {
            text(entry.getKey());
            out.writeByte(spouts.contains(entry.getKey()) ? 1 : 2);
            out.writeByte(entry.getKey().startsWith("__") ? 1 : 0);
            out.writeInt(entry.getValue().get(0));
            out.writeInt(entry.getValue().size());
            out.writeInt(executorsOf.getOrDefault(entry.getKey(), 1));
            text("");
        }
        List<int[]> ranges = new ArrayList<>();
        List<String> names = new ArrayList<>();
        byComponent.forEach((name, ids) -> split(name, ids, executorsOf.getOrDefault(name, 1), names, ranges));
        List<List<Integer>> of = new ArrayList<>();
        for (int host = 0; host < hosts; host++) {
            of.add(new ArrayList<>());
        }
        for (int i = 0; i < ranges.size(); i++) {
            of.get(slotOf.applyAsInt(ranges.get(i)[0])).add(i);
        }
        out.writeInt(of.get(slot).size());
        for (int i : of.get(slot)) {
            text(names.get(i));
            range(ranges.get(i));
        }
        out.writeInt(hosts);
        for (int host = 0; host < hosts; host++) {
            out.writeInt(host + 1);
            text("localhost");
            out.writeInt(6700 + host);
            List<Integer> ids = new ArrayList<>();
            for (int i : of.get(host)) {
                for (int task = ranges.get(i)[0]; task <= ranges.get(i)[1]; task++) {
                    ids.add(task);
                }
            }
            out.writeInt(ids.size());
            for (int task : ids) {
                out.writeInt(task);
            }
        }
        out.writeInt(slot);
        out.writeInt(hosts);
        for (int host = 0; host < hosts; host++) {
            out.writeInt(host);
            out.writeInt(host + 1);
            out.writeInt(of.get(host).size());
            for (int i : of.get(host)) {
                range(ranges.get(i));
            }
        }
    }

    private void range(int[] tasks) throws IOException {
        out.writeInt(tasks[0]);
        out.writeInt(tasks[1]);
    }

    /** Larger parts first, as Storm splits. */
    private static void split(
            String name, List<Integer> ids, int executors, List<String> names, List<int[]> ranges) {
        int n = Math.min(executors, ids.size());
        int at = 0;
        for (int i = 0; i < n; i++) {
            int size = ids.size() / n + (i < ids.size() % n ? 1 : 0);
            names.add(name);
            ranges.add(new int[] {ids.get(at), ids.get(at + size - 1)});
            at += size;
        }
    }

    private void text(String text) throws IOException {
        byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(encoded.length);
        out.write(encoded);
    }
}
