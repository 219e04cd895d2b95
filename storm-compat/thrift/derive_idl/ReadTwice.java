// ReadTwice: what Storm's generated readers do with a field that comes twice; prints "scalar=<v> map=<keys>".
// Pins the fact that the server refuses such requests on purpose (bad input N16), although Storm reads them.

import java.util.Arrays;
import java.util.HashMap;
import org.apache.storm.generated.KillOptions;
import org.apache.storm.generated.SharedMemory;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.thrift.TDeserializer;
import org.apache.storm.thrift.TSerializer;
import org.apache.storm.thrift.protocol.TBinaryProtocol;

public final class ReadTwice {
  private static byte[] options(int seconds) throws Exception {
    KillOptions options = new KillOptions();
    options.set_wait_secs(seconds);
    return new TSerializer(new TBinaryProtocol.Factory()).serialize(options);
  }

  private static StormTopology empty() {
    return new StormTopology(new HashMap<>(), new HashMap<>(), new HashMap<>());
  }

  /** The fields of both structs in one: the stop byte of the first is cut off. */
  private static byte[] joined(byte[] first, byte[] second) {
    byte[] both = Arrays.copyOf(first, first.length - 1 + second.length);
    System.arraycopy(second, 0, both, first.length - 1, second.length);
    return both;
  }

  public static void main(String[] args) throws Exception {
    KillOptions read = new KillOptions();
    new TDeserializer(new TBinaryProtocol.Factory()).deserialize(read, joined(options(1), options(2)));
    StormTopology one = empty();
    one.put_to_shared_memory("first", new SharedMemory("first"));
    StormTopology two = empty();
    two.put_to_shared_memory("second", new SharedMemory("second"));
    TSerializer serializer = new TSerializer(new TBinaryProtocol.Factory());
    StormTopology topology = new StormTopology();
    new TDeserializer(new TBinaryProtocol.Factory()).deserialize(topology,
        joined(serializer.serialize(one), serializer.serialize(two)));
    System.out.println("scalar=" + read.get_wait_secs() + " map=" + topology.get_shared_memory().keySet());
  }
}
