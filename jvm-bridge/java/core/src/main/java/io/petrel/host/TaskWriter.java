package io.petrel.host;

import io.petrel.host.grouping.Grouper;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.storm.task.GeneralTopologyContext;
import org.apache.storm.tuple.MessageId;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.tuple.TupleImpl;

/**
 * What a task does when its collector is called: choose the targets, draw edges, append to the outbox, count. Every
 * thread that may call has one of its own. Thread: one at a time.
 */
final class TaskWriter {
    private final Task task;
    private final Topology topology;
    private final ApiLine api;
    private final GeneralTopologyContext tupleContext;
    private final Map<String, Route> routes;
    private final Outbox outbox;
    /** Null when nothing is tracked. */
    private final AckBatch acks;
    private final EdgeIds edges;
    private final InCells inputs;
    private final TupleEncoder encoder;
    private final RootSet roots = new RootSet();
    private final Charge charge = new Charge();
    private int[] out = new int[16];
    private int[] part = new int[16];
    private Route lastRoute;
    private ThreadParker foreign;
    private volatile boolean busy;
    /** Hosts that the emit in progress has gone to. */
    private long touched;
    /** What the values of the emit in progress are charged; -1 as long as no task of this host gets them. */
    private int size;

    TaskWriter(Task task, Topology topology, ApiLine api, GeneralTopologyContext tupleContext,
            Map<String, Route> routes, Outbox outbox, AckBatch acks, EdgeIds edges, InCells inputs,
            TupleEncoder encoder) {
        this.task = task;
        this.topology = topology;
        this.api = api;
        this.tupleContext = tupleContext;
        this.routes = routes;
        this.outbox = outbox;
        this.acks = acks;
        this.edges = edges;
        this.inputs = inputs;
        this.encoder = encoder;
    }

    /** For a foreign writer: whom credit wakes. */
    void adopt(ThreadParker parker) {
        foreign = parker;
    }

    /** Before each call of a foreign writer; {@link #leave} or {@link #exit} follow. Thread: the caller, under the lock. */
    void enter() {
        foreign.adopt(Thread.currentThread());
        busy = true;
    }

    /** After each call of a foreign writer, however it ended. */
    void exit() {
        busy = false;
    }

    /** True while a call of a foreign writer has not handed over. Thread: any. */
    boolean isBusy() {
        return busy;
    }

    Map<String, Route> routes() {
        return routes;
    }

    InCells inputs() {
        return inputs;
    }

    Outbox outbox() {
        return outbox;
    }

    AckBatch acks() {
        return acks;
    }

    boolean tracks() {
        return acks != null;
    }

    /** In a call of user code. */
    void flush() {
        outbox.flush();
        if (acks != null) {
            acks.flush(false);
        }
    }

    /**
     * The same for a foreign writer: it waits for credit itself, since nobody else would send what it leaves behind.
     */
    void leave() {
        if (acks != null) {
            acks.flush(false);
        }
        outbox.flushAndWait();
    }

    List<Integer> emit(String stream, Collection<Tuple> anchors, List<Object> values) {
        Route route = route(stream);
        int n = choose(route, values);
        List<Integer> targets = list(n);
        if (task.observed()) {
            task.onEmit(stream, values, targets);
        }
        sendAnchored(route, anchors, values, n);
        return targets;
    }

    void emitDirect(int target, String stream, Collection<Tuple> anchors, List<Object> values) {
        Route route = route(stream);
        int n = chooseDirect(route, target);
        if (task.observed()) {
            task.onEmitDirect(target, stream, values, list(n));
        }
        sendAnchored(route, anchors, values, n);
    }

    /**
     * A spout's emit. Returns the targets.
     *
     * @param direct the target of an emitDirect, or -1
     * @param root 0 = untracked
     */
    List<Integer> emitRoot(int direct, String stream, List<Object> values, long root) {
        Route route = route(stream);
        int n = direct < 0 ? choose(route, values) : chooseDirect(route, direct);
        List<Integer> targets = list(n);
        if (task.observed()) {
            if (direct < 0) {
                task.onEmit(stream, values, targets);
            } else {
                task.onEmitDirect(direct, stream, values, targets);
            }
        }
        count(route, n);
        lastRoute = route;
        long xor = 0;
        beforeSends(root != 0);
        for (int i = 0; i < n; i++) {
            TupleId id = TupleId.NONE;
            if (root != 0) {
                long edge = edges.next();
                xor ^= edge;
                id = TupleId.of(root, edge);
            }
            send(route, values, out[i], id);
        }
        if (root != 0) {
            acks.add(LedgerLink.INIT, root, xor, touched);
        }
        return targets;
    }

    /** The cell of the stream of the last {@link #emitRoot}. */
    OutCell lastCell() {
        return lastRoute.cell;
    }

    /** Sends a tuple of the system: no hooks, no counting, no anchors. */
    void emitSystem(String stream, List<Object> values) {
        Route route = routes.get(stream);
        if (route == null) {
            return;
        }
        int n = choose(route, values);
        beforeSends(false);
        for (int i = 0; i < n; i++) {
            send(route, values, out[i], TupleId.NONE);
        }
    }

    /** @param processNanos how long the tuple has been with the bolt, or -1 when that was not sampled */
    void ack(Tuple input, long processNanos) {
        if (acks == null) {
            return;
        }
        MessageId id = input.getMessageId();
        if (id instanceof TupleId) {
            TupleId tree = (TupleId) id;
            if (tree.roots() > 0) {
                if (!tree.settle()) {
                    return;
                }
                long emitted = ((TupleImpl) input).getAckVal();
                for (int i = 0; i < tree.roots(); i++) {
                    acks.add(LedgerLink.ACK, tree.root(i), tree.edge(i) ^ emitted);
                }
            }
        } else {
            long emitted = ((TupleImpl) input).getAckVal();
            for (Map.Entry<Long, Long> entry : id.getAnchorsToIds().entrySet()) {
                acks.add(LedgerLink.ACK, entry.getKey(), entry.getValue() ^ emitted);
            }
        }
        InCell cell = inputs.of(input.getSourceComponent(), input.getSourceStreamId());
        cell.acked++;
        if (processNanos >= 0) {
            cell.processNanos += processNanos;
            cell.processSamples++;
        }
        if (task.observed()) {
            task.onBoltAck(input, millis(processNanos));
        }
    }

    void fail(Tuple input, long processNanos) {
        if (acks == null) {
            return;
        }
        MessageId id = input.getMessageId();
        if (id instanceof TupleId) {
            TupleId tree = (TupleId) id;
            if (tree.roots() > 0 && !tree.settle()) {
                return;
            }
        }
        record(LedgerLink.FAIL, id);
        inputs.of(input.getSourceComponent(), input.getSourceStreamId()).failed++;
        if (task.observed()) {
            task.onBoltFail(input, millis(processNanos));
        }
    }

    void resetTimeout(Tuple input) {
        if (acks != null) {
            record(LedgerLink.RESET, input.getMessageId());
        }
    }

    private void record(byte kind, MessageId id) {
        if (id instanceof TupleId) {
            TupleId tree = (TupleId) id;
            for (int i = 0; i < tree.roots(); i++) {
                acks.add(kind, tree.root(i), 0);
            }
        } else {
            for (Long root : id.getAnchors()) {
                acks.add(kind, root, 0);
            }
        }
    }

    private Route route(String stream) {
        Route route = lastRoute;
        if (route != null && route.asked == stream) {
            return route;
        }
        route = routes.get(stream);
        if (route == null) {
            throw new IllegalArgumentException("Unknown stream ID: " + stream);
        }
        route.asked = stream;
        lastRoute = route;
        return route;
    }

    /** Writes the targets to out. */
    private int choose(Route route, List<Object> values) {
        if (route.direct) {
            throw new IllegalArgumentException("Cannot do regular emit to direct stream");
        }
        Grouper[] groupers = route.groupers;
        if (groupers.length == 1) {
            reserve(route.maxTargets);
            int n = groupers[0].choose(task.id(), values, out);
            if (n > out.length) {
                out = new int[n];
                groupers[0].copyChosen(out);
            }
            return n;
        }
        return chooseMany(groupers, values);
    }

    private int chooseMany(Grouper[] groupers, List<Object> values) {
        int n = 0;
        for (Grouper grouper : groupers) {
            if (part.length < grouper.maxTargets()) {
                part = new int[grouper.maxTargets()];
            }
            int chosen = grouper.choose(task.id(), values, part);
            if (chosen > part.length) {
                part = new int[chosen];
                grouper.copyChosen(part);
            }
            if (n + chosen > out.length) {
                out = java.util.Arrays.copyOf(out, 2 * (n + chosen));
            }
            System.arraycopy(part, 0, out, n, chosen);
            n += chosen;
        }
        return n;
    }

    private int chooseDirect(Route route, int target) {
        String component = topology.component(target);
        Grouper grouper = component == null ? null : route.byComponent.get(component);
        if (grouper == null) {
            return 0;
        }
        if (!grouper.isDirect()) {
            throw new IllegalArgumentException("Cannot emitDirect to a task expecting a regular grouping");
        }
        out[0] = target;
        return 1;
    }

    private void reserve(int n) {
        if (out.length < n) {
            out = new int[n];
        }
    }

    private List<Integer> list(int n) {
        if (n == 1) {
            return topology.single(out[0]);
        }
        return n == 0 ? TaskIds.EMPTY : new TaskIds(out, n);
    }

    private void sendAnchored(Route route, Collection<Tuple> anchors, List<Object> values, int n) {
        count(route, n);
        if (n == 0) {
            return;
        }
        boolean tracked = acks != null && anchors != null && !anchors.isEmpty();
        Tuple only = tracked && anchors.size() == 1 && anchors instanceof List ? ((List<Tuple>) anchors).get(0) : null;
        beforeSends(tracked);
        for (int i = 0; i < n; i++) {
            TupleId id = TupleId.NONE;
            if (only != null) {
                id = anchorOne(only);
            } else if (tracked) {
                id = anchorMany(anchors);
            }
            send(route, values, out[i], id);
        }
        if (tracked && touched != 0) {
            tellTouched(anchors);
        }
    }

    /** What the ledger hears of this emit must not claim to know of losses that came after it. */
    private void beforeSends(boolean tracked) {
        touched = 0;
        size = -1;
        if (tracked) {
            acks.open();
        }
    }

    /**
     * The bolt may keep its input for long: the ledgers hear at once which hosts the trees have gone to, or else they could
     * not fail them when such a host is lost. Merged with the input's ack when that comes in the same burst.
     */
    private void tellTouched(Collection<Tuple> anchors) {
        for (Tuple anchor : anchors) {
            MessageId id = anchor.getMessageId();
            if (id instanceof TupleId) {
                TupleId tree = (TupleId) id;
                for (int i = 0, n = tree.roots(); i < n; i++) {
                    acks.add(LedgerLink.ACK, tree.root(i), 0, touched);
                }
            } else {
                for (Long root : id.getAnchors()) {
                    acks.add(LedgerLink.ACK, root, 0, touched);
                }
            }
        }
    }

    private TupleId anchorOne(Tuple anchor) {
        MessageId id = anchor.getMessageId();
        if (id instanceof TupleId && ((TupleId) id).roots() <= 1) {
            TupleId tree = (TupleId) id;
            if (tree.roots() == 0) {
                return TupleId.NONE;
            }
            long edge = edges.next();
            ((TupleImpl) anchor).updateAckVal(edge);
            return TupleId.of(tree.root(0), edge);
        }
        roots.clear();
        anchor(anchor);
        return roots.toId();
    }

    private TupleId anchorMany(Collection<Tuple> anchors) {
        roots.clear();
        for (Tuple anchor : anchors) {
            anchor(anchor);
        }
        return roots.toId();
    }

    private void anchor(Tuple anchor) {
        MessageId id = anchor.getMessageId();
        boolean none = id instanceof TupleId ? ((TupleId) id).roots() == 0 : id.getAnchorsToIds().isEmpty();
        if (!none) {
            long edge = edges.next();
            ((TupleImpl) anchor).updateAckVal(edge);
            roots.addAll(id, edge);
        }
    }

    private void send(Route route, List<Object> values, int target, TupleId id) {
        int destination = topology.destination(target);
        if (topology.isRemote(destination)) {
            touched |= topology.mask(target);
            outbox.addEncoded(destination, encoder, task.component(), task.id(), route.index, id, values);
            return;
        }
        CycleRoom full = outbox.fullRoom(destination);
        if (full != null) {
            for (int i = 0, n = id.roots(); i < n; i++) {
                acks.add(LedgerLink.FAIL, id.root(i), 0);
            }
            full.refuse(1);
            return;
        }
        if (size < 0) {
            size = charge.of(values);
        }
        Tuple tuple = api.newTuple(tupleContext, values, task.component(), task.id(), route.stream, id);
        outbox.add(destination, tuple, target, size);
    }

    private static void count(Route route, int n) {
        route.cell.emitted++;
        route.cell.transferred += n;
    }

    private static long millis(long nanos) {
        return nanos < 0 ? -1 : nanos / 1_000_000;
    }
}
