package io.petrel.host;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/**
 * A writer without credit, a reader that gives it back, and another writer that may be faster: the writer's batch is
 * taken, or the writer is woken, at the latest when the queue is empty.
 */
@JCStressTest
@Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "enqueued or woken")
@Outcome(id = "1", expect = Expect.FORBIDDEN, desc = "the writer sleeps although there is credit")
@State
public class CreditStress {
    private final RecordingParker parker = new RecordingParker();
    private final Waker writerWaker = new Waker(parker);
    private final ObjectQueue queue = new ObjectQueue(new Waker(new RecordingParker()), 10);

    public CreditStress() {
        queue.tryEnqueue(QueueOrderStress.batch(1), false);
    }

    @Actor
    public void writer() {
        TupleBatch batch = QueueOrderStress.batch(2);
        if (queue.tryEnqueue(batch, false)) {
            return;
        }
        writerWaker.prepare();
        queue.await(writerWaker);
        if (queue.tryEnqueue(batch, false)) {
            writerWaker.cancel();
        } else {
            parker.asleep = true;
        }
    }

    @Actor
    public void reader() {
        TupleBatch batch = queue.poll();
        queue.release(batch);
        // Another writer, which is faster.
        queue.tryEnqueue(QueueOrderStress.batch(3), false);
    }

    @Arbiter
    public void end(I_Result result) {
        for (TupleBatch left; (left = queue.poll()) != null;) {
            queue.release(left);
        }
        result.r1 = parker.sleepsOn() ? 1 : 0;
    }
}
