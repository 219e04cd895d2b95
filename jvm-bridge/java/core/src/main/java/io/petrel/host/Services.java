package io.petrel.host;

import java.util.Map;
import java.util.function.LongSupplier;
import org.apache.storm.task.GeneralTopologyContext;

/**
 * What the executors of a host share.
 *
 * @param conf of the topology
 * @param tupleContext over the system's topology; tuples keep it
 * @param seeds of random generators, each drawn once; any thread may ask
 * @param hostMask the bit of this host in ack records
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
        long hostMask) {}
