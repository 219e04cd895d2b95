package io.petrel.host.storm2;

import io.petrel.host.ApiLine;
import io.petrel.host.Conf;
import io.petrel.host.ExecutorParts;
import io.petrel.host.SpoutWait;
import io.petrel.host.WorkerParts;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.apache.storm.ICredentialsListener;
import org.apache.storm.Thrift;
import org.apache.storm.daemon.StormCommon;
import org.apache.storm.generated.Bolt;
import org.apache.storm.generated.ComponentObject;
import org.apache.storm.generated.Grouping;
import org.apache.storm.generated.InvalidTopologyException;
import org.apache.storm.generated.JavaObject;
import org.apache.storm.generated.ShellComponent;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.grouping.CustomStreamGrouping;
import org.apache.storm.metric.SystemBolt;
import org.apache.storm.policy.IWaitStrategy;
import org.apache.storm.shade.net.minidev.json.JSONValue;
import org.apache.storm.shade.net.minidev.json.parser.ParseException;
import org.apache.storm.spout.ShellSpout;
import org.apache.storm.task.GeneralTopologyContext;
import org.apache.storm.task.ShellBolt;
import org.apache.storm.task.TopologyContext;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.thrift.TDeserializer;
import org.apache.storm.thrift.TException;
import org.apache.storm.tuple.MessageId;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.TupleImpl;
import org.apache.storm.utils.Utils;

/** The 2.x line: storm-client from 2.3 on. */
public final class Storm2Line implements ApiLine {
    private final SystemBolt systemBolt = new SystemBolt();
    private Worker2 worker;

    @Override
    @SuppressWarnings("unchecked")
    public Map<String, Object> parseJson(String json) {
        if (json == null || json.isEmpty()) {
            return new HashMap<>();
        }
        try {
            Object parsed = JSONValue.parseWithException(json);
            if (parsed instanceof Map) {
                return new HashMap<>((Map<String, Object>) parsed);
            }
        } catch (ParseException e) {
            throw new IllegalArgumentException("the conf is not JSON: " + e.getMessage(), e);
        }
        throw new IllegalArgumentException("the conf is JSON, but not an object");
    }

    @Override
    public StormTopology parseTopology(byte[] bytes, Map<String, Object> conf) {
        StormTopology topology = new StormTopology();
        try {
            new TDeserializer().deserialize(topology, bytes);
        } catch (TException e) {
            throw new IllegalArgumentException(
                    "the " + bytes.length + " bytes of the topology are no StormTopology: " + e.getMessage(), e);
        }
        TaskCounts.fillIn(topology, conf, this);
        return topology;
    }

    @Override
    public StormTopology systemTopology(Map<String, Object> conf, StormTopology user) {
        try {
            return StormCommon.systemTopology(conf, user);
        } catch (InvalidTopologyException e) {
            throw new IllegalArgumentException("Storm refuses the topology: " + e.get_msg(), e);
        }
    }

    @Override
    public Map<Integer, String> taskInfo(StormTopology user, Map<String, Object> conf) {
        try {
            return StormCommon.stormTaskInfo(user, conf);
        } catch (InvalidTopologyException e) {
            throw new IllegalArgumentException("Storm refuses the topology: " + e.get_msg(), e);
        }
    }

    @Override
    public Map<String, Object> componentConf(Map<String, Object> conf, String jsonConf) {
        return ComponentConf.overlay(conf, parseJson(jsonConf));
    }

    @Override
    public WorkerTopologyContext openWorker(WorkerParts parts) {
        worker = new Worker2(parts);
        return worker.context();
    }

    @Override
    public TopologyContext taskContext(int task, StormTopology topology, ExecutorParts parts) {
        if (parts.preparedFlag == null) {
            parts.preparedFlag = new AtomicBoolean();
        }
        return worker.taskContext(task, topology, parts, (AtomicBoolean) parts.preparedFlag);
    }

    @Override
    public void markPrepared(ExecutorParts parts) {
        ((AtomicBoolean) parts.preparedFlag).set(true);
    }

    @Override
    public Object instantiate(StormTopology system, String component) {
        boolean spout = system.get_spouts().containsKey(component);
        ComponentObject arm = spout ? system.get_spouts().get(component).get_spout_object()
                                    : bolt(system, component).get_bolt_object();
        Object object = Utils.getSetComponentObject(arm);
        if (object instanceof ShellComponent) {
            ShellComponent shell = (ShellComponent) object;
            return spout ? new ShellSpout(shell) : new ShellBolt(shell);
        }
        if (object instanceof JavaObject) {
            JavaObject java = (JavaObject) object;
            Object made = Thrift.instantiateJavaObject(java);
            if (made == null) {
                throw new IllegalArgumentException("component " + component + ": cannot make an object of class "
                        + java.get_full_class_name() + "; look for its constructor and arguments");
            }
            return made;
        }
        return object;
    }

    @Override
    public CustomStreamGrouping customGrouping(Grouping grouping) {
        if (grouping.is_set_custom_object()) {
            Object made = Thrift.instantiateJavaObject(grouping.get_custom_object());
            if (made == null) {
                throw new IllegalArgumentException(
                        "cannot make a grouping of class " + grouping.get_custom_object().get_full_class_name());
            }
            return (CustomStreamGrouping) made;
        }
        return Utils.javaDeserialize(grouping.get_custom_serialized(), CustomStreamGrouping.class);
    }

    @Override
    public Tuple newTuple(GeneralTopologyContext context, List<Object> values, String component, int task,
            String stream, MessageId id) {
        return new TupleImpl(context, values, component, task, stream, id);
    }

    @Override
    public void startWorker() {
        worker.start();
    }

    @Override
    public void stopWorker() {
        worker.stop();
    }

    @Override
    public Object systemBolt() {
        return systemBolt;
    }

    @Override
    public void offerCredentials(Object component, Map<String, String> credentials) {
        if (component instanceof ICredentialsListener) {
            ((ICredentialsListener) component).setCredentials(credentials);
        }
    }

    @Override
    public SpoutWait customSpoutWait(Map<String, Object> conf) {
        String name = Conf.text(conf, "topology.spout.wait.strategy", "");
        if (name.isEmpty() || name.startsWith("org.apache.storm.policy.")
                || name.startsWith("org.apache.storm.spout.")) {
            return null;
        }
        try {
            IWaitStrategy strategy = (IWaitStrategy) Class.forName(name).getDeclaredConstructor().newInstance();
            strategy.prepare(conf, IWaitStrategy.WaitSituation.SPOUT_WAIT);
            return strategy::idle;
        } catch (ReflectiveOperationException | ClassCastException e) {
            throw new IllegalArgumentException(
                    "topology.spout.wait.strategy: cannot make a wait strategy of class " + name, e);
        }
    }

    @Override
    public List<Object> metricsPoints(int task, Map<String, Object> conf) {
        return MetricsPoints.of(worker.registry(), task, conf);
    }

    private static Bolt bolt(StormTopology system, String component) {
        Bolt bolt = system.get_bolts().get(component);
        if (bolt == null) {
            throw new IllegalArgumentException("Could not find " + component + " in the topology");
        }
        return bolt;
    }
}
