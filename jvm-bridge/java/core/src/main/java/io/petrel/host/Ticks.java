package io.petrel.host;

import java.util.ArrayList;
import java.util.List;
import org.apache.storm.tuple.Tuple;

/** Tick tuples, as Storm's timer sends them: from component __system, task -1, one Integer, no anchors. */
final class Ticks {
    static final int SYSTEM_TASK = -1;

    private Ticks() {}

    static Tuple tuple(Executor executor, long seconds) {
        List<Object> values = new ArrayList<>(1);
        values.add((int) seconds);
        return executor.services().api().newTuple(
                executor.tupleContext(), values, "__system", SYSTEM_TASK, "__tick", TupleId.NONE);
    }
}
