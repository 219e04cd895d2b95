package io.petrel.host.sim;

import io.petrel.host.LedgerLink;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** The rules of native/ledger in plain Java; records wait before they are applied, completions come late, or twice. */
final class SimLedger implements LedgerLink {
    private static final class Tree {
        long xor;
        boolean init;
        boolean failed;
        long deadline;
    }

    /** A completion on its way to a spout. */
    record Done(long root, int kind) {}

    private final Random random;
    private final Mutation mutation;
    private final Map<Integer, Long> timeoutNanos = new HashMap<>();
    private final Map<Long, Tree> trees = new LinkedHashMap<>();
    private final List<long[]> inbox = new ArrayList<>();
    private final List<Done> done = new ArrayList<>();
    private int completions;
    private boolean due;

    SimLedger(Random random, Mutation mutation) {
        this.random = random;
        this.mutation = mutation;
    }

    @Override
    public void open(int spoutTask, long timeoutMillis) {
        timeoutNanos.put(spoutTask, timeoutMillis * 1_000_000L);
    }

    @Override
    public void records(ByteBuffer direct, int bytes) {
        ByteBuffer in = direct.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes; at += RECORD_BYTES) {
            inbox.add(new long[] {in.getLong(at), in.getLong(at + 8), in.get(at + 24)});
        }
    }

    @Override
    public void recorded(boolean here) {
        due = true;
    }

    /** Applies what is in the inbox if somebody has said that it waits no longer. */
    void drain(long now) {
        if (due) {
            drainAll(now);
        }
    }

    /** In any order: the ledger does not promise one. */
    private void drainAll(long now) {
        due = false;
        while (!inbox.isEmpty()) {
            int last = inbox.size() - 1;
            int at = random.nextInt(inbox.size());
            long[] record = inbox.get(at);
            inbox.set(at, inbox.get(last));
            inbox.remove(last);
            apply(record[0], record[1], (int) record[2], now);
        }
    }

    private void apply(long root, long xor, int kind, long now) {
        long timeout = timeoutNanos.get((int) (root >>> 46));
        Tree tree = trees.get(root);
        if (tree == null) {
            if (kind == RESET) {
                return;
            }
            tree = new Tree();
            tree.deadline = now + timeout;
            trees.put(root, tree);
        }
        if (kind == RESET || kind == INIT) {
            tree.deadline = now + timeout;
        }
        if (kind == RESET) {
            return;
        }
        tree.xor ^= xor;
        tree.init |= kind == INIT;
        tree.failed |= kind == FAIL;
        boolean early = mutation == Mutation.ACK_EARLY && tree.init && random.nextInt(4) == 0;
        if (tree.init && (tree.failed || tree.xor == 0 || early)) {
            trees.remove(root);
            complete(root, tree.failed ? DONE_FAIL : DONE_ACK);
        }
    }

    private void complete(long root, int kind) {
        if (mutation == Mutation.LOSE_COMPLETION && ++completions % 20 == 0) {
            return;
        }
        done.add(new Done(root, kind));
        if (random.nextInt(50) == 0) {
            // A doubled INIT may bring a second completion: the spout's table must drop it.
            done.add(new Done(root, random.nextBoolean() ? DONE_TIMEOUT : kind));
        }
    }

    /** Drains first, as the real one does. */
    void expire(long now) {
        drainAll(now);
        List<Done> late = new ArrayList<>();
        for (Iterator<Map.Entry<Long, Tree>> i = trees.entrySet().iterator(); i.hasNext();) {
            Map.Entry<Long, Tree> entry = i.next();
            if (entry.getValue().deadline <= now) {
                i.remove();
                if (entry.getValue().init) {
                    late.add(new Done(entry.getKey(), DONE_TIMEOUT));
                }
            }
        }
        for (Done one : late) {
            complete(one.root(), one.kind());
        }
    }

    /** The oldest completion that has not been delivered; null when there is none. */
    Done next() {
        return done.isEmpty() ? null : done.remove(0);
    }

    boolean isQuiet() {
        return inbox.isEmpty() && done.isEmpty();
    }

    int trees() {
        return trees.size();
    }
}
