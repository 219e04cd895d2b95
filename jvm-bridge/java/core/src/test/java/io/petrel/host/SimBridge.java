package io.petrel.host;

import io.petrel.host.grouping.Grouper;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;

/** What the seeded scheduler needs of this package and nobody else does. */
public final class SimBridge {
    private SimBridge() {}

    /** Connects an executor; {@code groupers} gives stream, subscribing component, grouper, anew for each writer. */
    public static void connect(
            Executor executor,
            Outbox.Destination[] destinations,
            Supplier<Map<String, Map<String, Grouper>>> groupers) {
        executor.connect(destinations, () -> {
            Map<String, Route> routes = new LinkedHashMap<>();
            groupers.get().forEach((stream, byComponent) -> routes.put(stream, new Route(stream, byComponent)));
            return routes;
        });
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
        boolean taken = executor.queue().isEmpty() && executor.queue().tuples() == 0;
        return taken && !executor.outbox().isDirty() && !executor.outbox().hasRefused();
    }
}
