package io.petrel.host.testkit;

import io.petrel.host.ApiLine;
import io.petrel.host.Executor;
import io.petrel.host.HostRuntime;
import io.petrel.host.Parker;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.storm.daemon.StormCommon;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.thrift.TSerializer;
import org.apache.storm.utils.Utils;

/** A whole host without threads: a test steps its executors, its clock and its ledger. */
public final class Stepper {
    private static final int MAX_STEPS = 1_000_000;

    public final ManualClock clock = new ManualClock();
    public final FakeLedger ledger;
    public final HostRuntime runtime;
    private final ApiLine api;

    /**
     * @param settings on top of Storm's defaults
     * @param executorsOf executors of a component; 1 when absent
     * @param queueLimitBytes of each queue; 0 = the default
     */
    public Stepper(
            ApiLine api, StormTopology topology, Map<String, Object> settings, Map<String, Integer> executorsOf,
            long queueLimitBytes) {
        this(api, topology, settings, executorsOf, queueLimitBytes, NeverParks::new);
    }

    /** The same for a test of sleeping: it calls {@link Executor#idle} itself. */
    public Stepper(
            ApiLine api, StormTopology topology, Map<String, Object> settings, Map<String, Integer> executorsOf,
            long queueLimitBytes, Supplier<Parker> parkers) {
        this.api = api;
        ledger = new FakeLedger(clock).keepingRecords();
        runtime = runtime(api, topology, settings, executorsOf, ledger, clock, parkers, queueLimitBytes);
    }

    /** A host with Storm's defaults under the settings; starts nothing. */
    public static HostRuntime runtime(
            ApiLine api, StormTopology topology, Map<String, Object> settings, Map<String, Integer> executorsOf,
            FakeLedger ledger, io.petrel.host.HostClock clock, Supplier<Parker> parkers, long queueLimitBytes) {
        Map<String, Object> conf = conf(settings);
        forgetSystemBolt();
        try {
            byte[] bytes = new TSerializer().serialize(topology);
            StormTopology filled = api.parseTopology(bytes, conf);
            byte[] plan = PlanBytes.of(
                    StormCommon.stormTaskInfo(filled, conf), List.copyOf(topology.get_spouts().keySet()), executorsOf);
            return new HostRuntime(
                    plan, bytes, JSONValue.toJSONString(conf), api, ledger, clock,
                    new java.util.Random(1)::nextLong, parkers, queueLimitBytes);
        } catch (org.apache.storm.thrift.TException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Storm allows one system bolt per JVM; tests make many hosts one after the other. */
    static void forgetSystemBolt() {
        try {
            java.lang.reflect.Field called =
                    org.apache.storm.metric.SystemBolt.class.getDeclaredField("prepareWasCalled");
            called.setAccessible(true);
            called.setBoolean(null, false);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    public static Map<String, Object> conf(Map<String, Object> settings) {
        Map<String, Object> conf = new HashMap<>(Utils.readDefaultConfig());
        conf.put("storm.cluster.mode", "distributed");
        conf.put("topology.acker.executors", 1);
        conf.put("topology.workers", 1);
        conf.putAll(settings);
        return conf;
    }

    /** Activates and prepares everything. */
    public Stepper open() throws Exception {
        runtime.setActive(true);
        for (Executor executor : runtime.executors()) {
            executor.init();
        }
        return this;
    }

    /** Steps every executor once, in turn; true when one did something. */
    public boolean step() throws Exception {
        boolean worked = false;
        for (Executor executor : runtime.executors()) {
            worked |= executor.runOnce();
        }
        return worked | ledger.deliver(runtime) > 0;
    }

    /** Steps until nothing happens any more. */
    public Stepper settle() throws Exception {
        // An executor that finds nothing to do hands over what it has: others may find it in the round after.
        for (int quiet = 0, steps = 0; quiet < 3; steps++) {
            quiet = step() ? 0 : quiet + 1;
            if (steps > MAX_STEPS) {
                throw new AssertionError("still busy after " + steps + " steps");
            }
        }
        return this;
    }

    /** Moves the clock and lets the timer and the ledger see it. */
    public Stepper advance(double seconds) {
        clock.advanceSeconds(seconds);
        runtime.timer().runDue(clock.nanos());
        ledger.expire();
        return this;
    }

    /** The executor that runs a component's first task. */
    public Executor executor(String component) {
        for (Executor executor : runtime.executors()) {
            if (executor.spec().component().equals(component)) {
                return executor;
            }
        }
        throw new AssertionError("no executor of " + component);
    }

    public ApiLine api() {
        return api;
    }

    /** In a stepped host nobody may sleep. */
    static final class NeverParks implements Parker {
        @Override
        public void park(long nanos) {
            throw new AssertionError("a stepped executor went to sleep");
        }

        @Override
        public void unpark() {}
    }
}
