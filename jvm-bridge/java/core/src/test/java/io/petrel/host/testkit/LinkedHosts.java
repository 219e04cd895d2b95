package io.petrel.host.testkit;

import io.petrel.host.ApiLine;
import io.petrel.host.Executor;
import io.petrel.host.HostLink;
import io.petrel.host.HostRuntime;
import io.petrel.host.RootIds;
import io.petrel.host.TaskLinks;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import org.apache.storm.daemon.StormCommon;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.thrift.TSerializer;

/** Several hosts of one topology without threads, linked in memory across the border as petrel-jvm-host does it. */
public final class LinkedHosts {
    private static final int MAX_STEPS = 100_000;
    private static final int HEADER_BYTES = 36;

    /** A section on its way. */
    public record Section(int from, int sourceExecutor, int sourceTask, int task, int lane, int kind, int count,
            byte[] bytes) {}

    /** A record with the host that it came from. */
    public record Sent(int host, FakeLedger.Record record) {}

    public final ManualClock clock = new ManualClock();
    public final FakeLedger ledger = new FakeLedger(clock).keepingRecords();
    /** Everything that was ever taken. */
    public final List<Section> sent = new ArrayList<>();
    public final List<Sent> records = new ArrayList<>();
    /** Epochs that hosts said to be drained, as "host epoch". */
    public final List<String> drained = new ArrayList<>();
    /** What a source host may have outstanding at an executor. */
    public long window = Long.MAX_VALUE;
    /** Sections above it are fetched by who takes them. */
    public int largeBytes = Integer.MAX_VALUE;
    /** What is to be fetched. */
    public final Map<Long, byte[]> large = new TreeMap<>();
    /** When false, nothing arrives. */
    public boolean arrive = true;

    private final List<HostRuntime> hosts = new ArrayList<>();
    private final Map<Integer, Integer> hostOfTask = new HashMap<>();
    private final List<Section> onTheWay = new ArrayList<>();
    private final Map<String, Long> outstanding = new TreeMap<>();
    private final Set<Integer> refused = new LinkedHashSet<>();
    private long lastLarge;

    /**
     * @param executorsOf executors of a component; 1 when absent
     * @param slotOf the host of an executor, by its first task
     */
    public LinkedHosts(ApiLine api, StormTopology topology, Map<String, Object> settings, Map<String, Integer> executorsOf,
            int count, IntUnaryOperator slotOf) throws Exception {
        Map<String, Object> conf = Stepper.conf(settings);
        byte[] bytes = new TSerializer().serialize(topology);
        StormTopology filled = api.parseTopology(bytes, conf);
        Map<Integer, String> tasks = StormCommon.stormTaskInfo(filled, conf);
        for (int slot = 0; slot < count; slot++) {
            byte[] plan = PlanBytes.of(
                    tasks, List.copyOf(topology.get_spouts().keySet()), executorsOf, count, slot, slotOf);
            hosts.add(new HostRuntime(plan, bytes, JSONValue.toJSONString(conf), api, new Port(slot), clock,
                    new Random(slot)::nextLong, Stepper.NeverParks::new, 0));
        }
        for (int slot = 0; slot < count; slot++) {
            for (Executor executor : hosts.get(slot).executors()) {
                for (int task = executor.spec().firstTask(); task <= executor.spec().lastTask(); task++) {
                    hostOfTask.put(task, slot);
                }
            }
        }
    }

    /** Activates and prepares everything. */
    public LinkedHosts open() throws Exception {
        for (HostRuntime host : hosts) {
            host.setActive(true);
            for (Executor executor : host.executors()) {
                Stepper.forgetSystemBolt();
                executor.init();
            }
        }
        return this;
    }

    public HostRuntime host(int slot) {
        return hosts.get(slot);
    }

    /** The first executor of a component. */
    public Executor executor(String component) {
        for (HostRuntime host : hosts) {
            for (Executor executor : host.executors()) {
                if (executor.spec().component().equals(component)) {
                    return executor;
                }
            }
        }
        throw new AssertionError("no executor of " + component);
    }

    public boolean step() throws Exception {
        boolean worked = false;
        for (HostRuntime host : hosts) {
            for (Executor executor : host.executors()) {
                worked |= executor.runOnce();
            }
        }
        worked |= arrive && deliver();
        for (HostRuntime host : hosts) {
            worked |= deliverCompletions(host);
        }
        return worked;
    }

    private boolean deliverCompletions(HostRuntime host) {
        // Only the host with the spouts takes them: the tests have all spouts in host 0.
        return host == hosts.get(0) && ledger.deliver(host) > 0;
    }

    /** Steps until nothing happens any more. */
    public LinkedHosts settle() throws Exception {
        for (int quiet = 0, steps = 0; quiet < 3; steps++) {
            quiet = step() ? 0 : quiet + 1;
            if (steps > MAX_STEPS) {
                throw new AssertionError("still busy after " + steps + " steps");
            }
        }
        return this;
    }

    public LinkedHosts setActive(boolean on) {
        hosts.forEach(host -> host.setActive(on));
        return this;
    }

    /** Moves the clock and lets the timers see it. */
    public LinkedHosts advance(double seconds) {
        clock.advanceSeconds(seconds);
        hosts.forEach(host -> host.timer().runDue(clock.nanos()));
        return this;
    }

    /** Hands a section to a host as it is. */
    public void inject(int host, Section section) {
        ByteBuffer buffer = ByteBuffer.allocateDirect(HEADER_BYTES + section.bytes.length).order(ByteOrder.LITTLE_ENDIAN);
        put(buffer, section);
        hosts.get(host).deliver(buffer, 1, buffer.position());
    }

    /** Everything on the way arrives, one call for each host, and who was refused is told. */
    private boolean deliver() {
        boolean any = !onTheWay.isEmpty() || !refused.isEmpty();
        for (int host = 0; host < hosts.size(); host++) {
            int to = host;
            List<Section> sections = onTheWay.stream().filter(s -> hostOfTask.get(s.task) == to).toList();
            int bytes = sections.stream().mapToInt(s -> HEADER_BYTES + s.bytes.length).sum();
            ByteBuffer buffer = ByteBuffer.allocateDirect(bytes + 100).order(ByteOrder.LITTLE_ENDIAN);
            sections.forEach(s -> put(buffer, s));
            if (!sections.isEmpty()) {
                hosts.get(host).deliver(buffer, sections.size(), buffer.position());
            }
        }
        onTheWay.clear();
        List<Integer> told = new ArrayList<>(refused);
        refused.clear();
        for (int executor : told) {
            hosts.get(hostOfTask.get(executor)).credit(new int[] {executor});
        }
        return any;
    }

    private void put(ByteBuffer buffer, Section section) {
        boolean isLarge = section.kind == TaskLinks.TUPLES && section.bytes.length > largeBytes;
        buffer.putLong(section.from).putLong(section.task).putInt(section.sourceTask).putInt(section.task)
                .putInt(isLarge ? TaskLinks.LARGE : section.kind).putInt(section.count).putInt(section.bytes.length);
        if (isLarge) {
            large.put(++lastLarge, section.bytes);
            buffer.putLong(lastLarge);
        } else {
            buffer.put(section.bytes);
        }
    }

    private final class Port implements HostLink {
        private final int slot;

        Port(int slot) {
            this.slot = slot;
        }

        @Override
        public int offer(int sourceExecutor, int sourceTask, int task, int lane, int kind, int count, byte[] data,
                int offset, int length, boolean more) {
            if (!hostOfTask.containsKey(task) || hostOfTask.get(task) == slot) {
                return UNKNOWN_TASK;
            }
            long before = outstanding.getOrDefault(slot + "/" + task, 0L);
            if (before != 0 && before + length > window) {
                refused.add(sourceExecutor);
                return NO_CREDIT;
            }
            outstanding.put(slot + "/" + task, before + length);
            Section section = new Section(slot, sourceExecutor, sourceTask, task, lane, kind, count,
                    Arrays.copyOfRange(data, offset, offset + length));
            sent.add(section);
            onTheWay.add(section);
            return TAKEN;
        }

        @Override
        public void consumed(long from, long task, int bytes) {
            outstanding.merge(from + "/" + task, (long) -bytes, Long::sum);
        }

        @Override
        public void takeSection(long section, byte[] into) {
            byte[] bytes = large.remove(section);
            if (bytes == null || into != null && into.length != bytes.length) {
                throw new IllegalArgumentException("section " + section + " is not to be had");
            }
            if (into != null) {
                System.arraycopy(bytes, 0, into, 0, bytes.length);
            }
        }

        @Override
        public void drained(long epoch) {
            drained.add(slot + " " + epoch);
        }

        @Override
        public void open(int spoutTask, long timeoutMillis) {
            ledger.open(spoutTask, timeoutMillis);
        }

        @Override
        public void records(ByteBuffer direct, int bytes) {
            int before = ledger.records().size();
            ledger.records(direct, bytes);
            List<FakeLedger.Record> all = ledger.records();
            all.subList(before, all.size()).forEach(record -> records.add(new Sent(slot, record)));
        }

        @Override
        public void recorded(boolean here) {
            ledger.recorded(here);
        }

        @Override
        public int lossNumber() {
            return ledger.losses;
        }

        @Override
        public void prepared() {}

        @Override
        public void reportError(String component, int task, String text, long wallMillis) {
            ledger.reportError(component, task, text, wallMillis);
        }

        @Override
        public void die(String component, int task, String text, int exitCode) {
            ledger.die(component, task, text, exitCode);
        }
    }

    /** The spout task of a root. */
    public static int spoutTask(long root) {
        return RootIds.task(root);
    }
}
