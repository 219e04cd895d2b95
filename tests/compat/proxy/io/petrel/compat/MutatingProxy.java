package io.petrel.compat;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.HashMap;
import java.util.Map;
import org.apache.storm.generated.Bolt;
import org.apache.storm.generated.ComponentObject;
import org.apache.storm.generated.Nimbus;
import org.apache.storm.generated.NimbusSummary;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.thrift.protocol.TBinaryProtocol;
import org.apache.storm.thrift.server.TThreadPoolServer;
import org.apache.storm.thrift.transport.TServerSocket;
import org.apache.storm.thrift.transport.TSocket;
import org.apache.storm.thrift.transport.layered.TFramedTransport;
import org.apache.storm.topology.IRichBolt;
import org.apache.storm.utils.Utils;

/**
 * Stands between a Storm client and Nimbus and hands every call on, except that a submitted topology gets one of its
 * bolts wrapped in a {@link Mutant}. Arguments: own port (0: any), Nimbus port, component, mutant. Prints "ready PORT".
 */
public final class MutatingProxy {
    private final int nimbusPort;
    private final String component;
    private final String mutant;
    private int ownPort;

    private MutatingProxy(int nimbusPort, String component, String mutant) {
        this.nimbusPort = nimbusPort;
        this.component = component;
        this.mutant = mutant;
    }

    public static void main(String[] args) throws Exception {
        new MutatingProxy(Integer.parseInt(args[1]), args[2], args[3]).serve(Integer.parseInt(args[0]));
    }

    private void serve(int port) throws Exception {
        TServerSocket socket = new TServerSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), port));
        ownPort = socket.getServerSocket().getLocalPort();
        Nimbus.Iface handler = (Nimbus.Iface) Proxy.newProxyInstance(Nimbus.Iface.class.getClassLoader(),
                new Class<?>[] {Nimbus.Iface.class}, (self, method, arguments) -> call(method, arguments));
        TThreadPoolServer server = new TThreadPoolServer(new TThreadPoolServer.Args(socket)
                .processor(new Nimbus.Processor<>(handler))
                .transportFactory(new TFramedTransport.Factory())
                .protocolFactory(new TBinaryProtocol.Factory()));
        System.out.println("ready " + ownPort);
        server.serve();
    }

    private Object call(Method method, Object[] arguments) throws Throwable {
        if (method.getName().startsWith("submitTopology")) {
            mutate((StormTopology) arguments[3]);
        }
        try (TFramedTransport transport = new TFramedTransport(new TSocket("127.0.0.1", nimbusPort))) {
            transport.open();
            Object result = method.invoke(new Nimbus.Client(new TBinaryProtocol(transport)), arguments);
            if (result instanceof NimbusSummary leader) {
                leader.set_host("127.0.0.1");
                leader.set_port(ownPort);  // or the client would go on without us
            }
            return result;
        } catch (InvocationTargetException e) {
            throw e.getCause();
        }
    }

    private void mutate(StormTopology topology) {
        Map<String, Bolt> bolts = new HashMap<>(topology.get_bolts());
        Bolt bolt = bolts.get(component);
        if (bolt == null) {
            throw new IllegalArgumentException("no bolt '" + component + "' in " + bolts.keySet());
        }
        IRichBolt original = Utils.javaDeserialize(bolt.get_bolt_object().get_serialized_java(), IRichBolt.class);
        Mutant wrapped = new Mutant(original, Mutant.Kind.valueOf(mutant));
        bolt.set_bolt_object(ComponentObject.serialized_java(Utils.javaSerialize(wrapped)));
        System.out.println("swapped " + component + " for " + mutant);
    }
}
