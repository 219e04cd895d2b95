package io.petrel.topologies.ledger;

import java.util.HashMap;
import java.util.Map;
import org.apache.storm.tuple.Tuple;

/**
 * Order of the tuples between two tasks: each task numbers what it emits, and at each receiver the numbers of a source only
 * rise. They start at the monotonic time, so that they rise over restarts of the source as well.
 */
public final class Order {
    private final Map<Integer, Long> seen = new HashMap<>();
    private long next = System.nanoTime();

    /** The number of the next emit. */
    public long next() {
        return next++;
    }

    /** The number is the tuple's last value. */
    public void check(Tuple tuple) {
        long number = tuple.getLong(tuple.size() - 1);
        Long last = seen.put(tuple.getSourceTask(), number);
        if (last != null && last >= number) {
            throw new IllegalStateException("out of order: number " + number + " after " + last + ": " + tuple);
        }
    }
}
