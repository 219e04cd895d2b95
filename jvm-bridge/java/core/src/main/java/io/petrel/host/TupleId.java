package io.petrel.host;

import com.esotericsoftware.kryo.io.Output;
import java.io.IOException;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.apache.storm.tuple.MessageId;

/**
 * Storm's MessageId as plain longs: the roots of a tuple and the tuple's edge in each. The map that Storm keeps is
 * built only when user code asks for it.
 */
public final class TupleId extends MessageId {
    /** Of tuples without a root. */
    public static final TupleId NONE = new TupleId(0, 0, null);

    private final long root;
    private final long edge;
    /** Root, edge, root, edge ... from the second on; null with one root. */
    private final long[] more;
    private boolean settled;

    private TupleId(long root, long edge, long[] more) {
        super(Collections.<Long, Long>emptyMap());
        this.root = root;
        this.edge = edge;
        this.more = more;
    }

    public static TupleId of(long root, long edge) {
        return new TupleId(root, edge, null);
    }

    /** From n pairs of root and edge; takes what it needs. */
    static TupleId of(long[] pairs, int n) {
        if (n == 0) {
            return NONE;
        }
        if (n == 1) {
            return of(pairs[0], pairs[1]);
        }
        long[] more = new long[2 * (n - 1)];
        System.arraycopy(pairs, 2, more, 0, more.length);
        return new TupleId(pairs[0], pairs[1], more);
    }

    public int roots() {
        if (more != null) {
            return 1 + more.length / 2;
        }
        return this == NONE ? 0 : 1;
    }

    public long root(int i) {
        return i == 0 ? root : more[2 * i - 2];
    }

    public long edge(int i) {
        return i == 0 ? edge : more[2 * i - 1];
    }

    /**
     * True the first time: of several acks and fails of a tuple only the first counts. Not for {@link #NONE}, which
     * many tuples share.
     */
    boolean settle() {
        if (settled) {
            return false;
        }
        settled = true;
        return true;
    }

    @Override
    public Map<Long, Long> getAnchorsToIds() {
        int roots = roots();
        if (roots == 0) {
            return Collections.emptyMap();
        }
        Map<Long, Long> map = new HashMap<>(2 * roots);
        for (int i = 0; i < roots; i++) {
            map.put(root(i), edge(i));
        }
        return map;
    }

    @Override
    public Set<Long> getAnchors() {
        return getAnchorsToIds().keySet();
    }

    @Override
    public int hashCode() {
        return getAnchorsToIds().hashCode();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof MessageId && getAnchorsToIds().equals(((MessageId) other).getAnchorsToIds());
    }

    @Override
    public String toString() {
        return getAnchorsToIds().toString();
    }

    @Override
    public void serialize(Output out) throws IOException {
        MessageId.makeId(getAnchorsToIds()).serialize(out);
    }
}
