package io.petrel.host;

import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** A reader that is about to sleep and a writer: the reader sees the batch, or it is woken. */
@JCStressTest
@Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "seen or woken")
@Outcome(id = "1", expect = Expect.FORBIDDEN, desc = "the reader sleeps beside a full queue")
@State
public class WakeUpStress {
    private final RecordingParker parker = new RecordingParker();
    private final Waker waker = new Waker(parker);
    private final ObjectQueue queue = new ObjectQueue(waker, 1000);

    @Actor
    public void writer() {
        queue.tryEnqueue(QueueOrderStress.batch(1), false);
    }

    @Actor
    public void reader() {
        waker.prepare();
        if (queue.isEmpty()) {
            parker.asleep = true;
        } else {
            waker.cancel();
        }
    }

    @Arbiter
    public void end(I_Result result) {
        result.r1 = parker.sleepsOn() ? 1 : 0;
    }
}
