package io.petrel.host;

import java.util.ArrayList;
import java.util.List;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** Two writers: every batch comes out once, and those of a writer in its order. */
@JCStressTest
@Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "every batch once, in the order of its writer")
@Outcome(expect = Expect.FORBIDDEN, desc = "1 lost or doubled, 2 out of order, 3 wrong charge")
@State
public class TwoWritersStress {
    private final ObjectQueue queue = new ObjectQueue(new Waker(new RecordingParker()), 1000);
    private final List<Integer> seen = new ArrayList<>();

    @Actor
    public void first() {
        queue.tryEnqueue(QueueOrderStress.batch(1), false);
        queue.tryEnqueue(QueueOrderStress.batch(2), false);
    }

    @Actor
    public void second() {
        queue.tryEnqueue(QueueOrderStress.batch(3), false);
        queue.tryEnqueue(QueueOrderStress.batch(4), false);
    }

    private boolean take() {
        TupleBatch batch = queue.poll();
        if (batch == null) {
            return false;
        }
        seen.add(batch.task(batch.first()));
        queue.release(batch);
        return true;
    }

    @Arbiter
    public void end(I_Result result) {
        while (take()) {
            // The rest.
        }
        if (seen.size() != 4 || !seen.containsAll(List.of(1, 2, 3, 4))) {
            result.r1 = 1;
        } else if (seen.indexOf(1) > seen.indexOf(2) || seen.indexOf(3) > seen.indexOf(4)) {
            result.r1 = 2;
        } else if (queue.bytes() != 0 || queue.tuples() != 0 || !queue.isEmpty()) {
            result.r1 = 3;
        }
    }
}
