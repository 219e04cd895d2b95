package io.petrel.host;

import io.petrel.host.grouping.Grouper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.Supplier;

/** What the seeded scheduler needs of this package and nobody else does. */
public final class SimBridge {
    private static final SectionArrays ARRAYS = new SectionArrays(1 << 24);

    private SimBridge() {}

    /**
     * Where tuples of an executor may go.
     *
     * @param queue of an executor of the same host, else null
     * @param group the same for all tasks of an executor
     * @param inner an edge inside a cycle
     */
    public record Target(ObjectQueue queue, int group, int task, boolean inner) {}

    /** Connects an executor; {@code groupers} gives stream, subscribing component, grouper, anew for each writer. */
    public static void connect(
            Executor executor,
            List<Target> targets,
            Services services,
            Supplier<Map<String, Map<String, Grouper>>> groupers) {
        Destination[] destinations = new Destination[targets.size()];
        for (int i = 0; i < destinations.length; i++) {
            Target to = targets.get(i);
            destinations[i] = to.queue != null
                    ? new LocalDestination(to.queue, to.group, to.task, to.inner, null)
                    : new RemoteDestination(services.links(), services.clock(), executor.creditNews(),
                            executor.spec().firstTask(), to.group, to.task, to.inner);
        }
        executor.connect(destinations, () -> {
            Map<String, Route> routes = new LinkedHashMap<>();
            groupers.get().forEach((stream, byComponent) -> routes.put(stream,
                    new Route(stream, services.streams().index(executor.spec().component(), stream), byComponent)));
            return routes;
        });
    }

    /** See {@link Executor#expectMarkers}. */
    public static void expectMarkers(Executor executor, Set<Integer> sources, int[] destinations, LongConsumer done) {
        executor.expectMarkers(sources, destinations, done);
    }

    public static void drain(Executor executor, long epoch) {
        executor.drain(epoch);
    }

    /** A section arrives, as the thread of the links brings it. */
    public static void deliver(Executor executor, long flowLow, long flowHigh, int sourceTask, int task, boolean marker,
            int count, byte[] bytes) {
        executor.deliver(new InboundBatch(
                flowLow, flowHigh, sourceTask, task, marker, count, bytes, bytes.length, ARRAYS));
    }

    public static void creditCame(Executor executor) {
        executor.creditCame();
    }

    /** Hands one completion to a spout executor, as the ledger's thread does. */
    public static void complete(Executor executor, long root, int kind) {
        SpoutExecutor spout = (SpoutExecutor) executor;
        spout.completions().fill(root, kind);
        spout.completions().pushFilled();
    }

    public static int pending(Executor executor) {
        return ((SpoutExecutor) executor).pending();
    }

    /** Everything that came has been processed and everything emitted has left. */
    public static boolean isDrained(Executor executor) {
        boolean taken = executor.queue().isEmpty() && executor.queue().tuples() == 0
                && executor.queue().inboundBytes() == 0;
        return taken && !executor.outbox().isDirty() && !executor.outbox().hasRefused();
    }
}
