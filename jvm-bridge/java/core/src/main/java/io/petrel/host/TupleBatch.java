package io.petrel.host;

import java.util.Arrays;
import org.apache.storm.tuple.Tuple;

/** Tuples on their way from one executor of this host to another, as objects. */
public class TupleBatch extends OpenBatch {
    /** Tuples in a full batch. */
    public static final int MAX_TUPLES = 128;

    /** Of a batch, if nobody says otherwise: large tuples leave in smaller batches. */
    static final int LEAST_BYTES = 64 * 1024;
    private static final long HEAVY_BYTES = 48 * 1024;

    private final int maxBytes;
    private Tuple[] tuples;
    private int[] tasks;
    /** Owned by the queue that the batch is in. */
    TupleBatch next;
    /** It came over an edge inside a cycle. Set before anybody but its maker sees it. */
    boolean inner;

    public TupleBatch(int capacity) {
        this(capacity, LEAST_BYTES);
    }

    /** @param maxBytes above them it leaves */
    TupleBatch(int capacity, int maxBytes) {
        this.maxBytes = maxBytes;
        tuples = new Tuple[capacity];
        tasks = new int[capacity];
    }

    /** A batch that was never open: its content comes later ({@link #fill}), is elsewhere, or is none. */
    TupleBatch(int entries, long bytes) {
        super(entries, bytes);
        maxBytes = 0;
    }

    /** Appends. Thread: the writer. Returns the number of entries after it. */
    public final int add(Tuple tuple, int task, int charge) {
        int n = end();
        if (n == tuples.length) {
            int capacity = Math.min(MAX_TUPLES, n * 4);
            tasks = Arrays.copyOf(tasks, capacity);
            tuples = Arrays.copyOf(tuples, capacity);
        }
        tuples[n] = tuple;
        tasks[n] = task;
        return appended(charge);
    }

    @Override
    final boolean isFull(int entries) {
        return entries == MAX_TUPLES || bytes() > maxBytes;
    }

    @Override
    final int nextCapacity() {
        return Math.max(8, Math.min(MAX_TUPLES, 2 * end()));
    }

    @Override
    final OpenBatch copy(int from, int to) {
        TupleBatch part = new TupleBatch(to - from, 0L);
        // The charges are not kept one by one: an equal share each.
        part.fill(Arrays.copyOfRange(tuples, from, to), Arrays.copyOfRange(tasks, from, to));
        part.close(to - from, Math.max(1, bytes() / Math.max(1, to)) * (to - from));
        return part;
    }

    /** Gives a batch that was never open its content. */
    final void fill(Tuple[] content, int[] itsTasks) {
        tuples = content;
        tasks = itsTasks;
    }

    public final Tuple tuple(int i) {
        return tuples[i];
    }

    public final int task(int i) {
        return tasks[i];
    }

    /**
     * Whether a slow reader should not keep what it has already processed until the batch is done. Not for each batch: the
     * writer's core has to be asked for the array's lines, and a light batch keeps little.
     */
    boolean isHeavy() {
        return bytes() > HEAVY_BYTES;
    }

    /** Drops a reference early. */
    final void clear(int i) {
        tuples[i] = null;
    }
}
