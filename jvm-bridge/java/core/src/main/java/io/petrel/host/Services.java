package io.petrel.host;

import io.petrel.host.codec.OpaqueCodec;
import java.util.Map;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.apache.storm.task.GeneralTopologyContext;

/**
 * What the executors of a host share.
 *
 * @param conf of the topology
 * @param tupleContext over the system's topology; tuples keep it
 * @param seeds of random generators, each drawn once; any thread may ask
 * @param links to other hosts; null when the plan has one host
 * @param streams of all components, as batches number them
 * @param codecs for values that have no tag, one per owner
 * @param pressure what queues ask to be held back
 */
public record Services(
        HostClock clock,
        LongSupplier seeds,
        ApiLine api,
        LedgerLink ledger,
        HostTimer timer,
        ErrorSink errors,
        Topology topology,
        GeneralTopologyContext tupleContext,
        Map<String, Object> conf,
        int incarnation,
        TaskLinks links,
        StreamTable streams,
        Supplier<OpaqueCodec> codecs,
        Pressure pressure) {}
