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

/** A writer and the reader: every batch comes out once and in order. */
@JCStressTest
@Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "every batch once and in order")
@Outcome(expect = Expect.FORBIDDEN, desc = "1 lost or doubled, 2 out of order, 3 wrong charge")
@State
public class QueueOrderStress {
    private final ObjectQueue queue = new ObjectQueue(new Waker(new RecordingParker()), 1000);
    private final List<Integer> seen = new ArrayList<>();

    static TupleBatch batch(int task) {
        TupleBatch batch = new TupleBatch(1);
        batch.add(null, task, 10);
        batch.close();
        return batch;
    }

    @Actor
    public void writer() {
        for (int task = 1; task <= 4; task++) {
            queue.tryEnqueue(batch(task), false);
        }
    }

    @Actor
    public void reader() {
        take();
        take();
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
        } else if (!seen.equals(List.of(1, 2, 3, 4))) {
            result.r1 = 2;
        } else if (queue.bytes() != 0 || queue.tuples() != 0 || !queue.isEmpty()) {
            result.r1 = 3;
        }
    }
}
