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

/** The writer closes its batch while the timer takes what is in it: every entry leaves once. */
@JCStressTest
@Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "every entry left once")
@Outcome(expect = Expect.FORBIDDEN, desc = "an entry was lost or left twice")
@State
public class BatchHandOverStress {
    private final TupleBatch batch = new TupleBatch(4);
    private final List<Integer> taken = new ArrayList<>();
    private boolean writerHas;

    public BatchHandOverStress() {
        batch.add(null, 1, 10);
    }

    @Actor
    public void writer() {
        batch.add(null, 2, 10);
        batch.add(null, 3, 10);
        writerHas = batch.close();
    }

    @Actor
    public void timer() {
        TupleBatch part = (TupleBatch) batch.take();
        if (part != null) {
            for (int i = part.first(); i < part.end(); i++) {
                taken.add(part.task(i));
            }
            batch.commitTaken(part);
        }
    }

    @Arbiter
    public void end(I_Result result) {
        List<Integer> all = new ArrayList<>(taken);
        if (writerHas) {
            for (int i = batch.first(); i < batch.end(); i++) {
                all.add(batch.task(i));
            }
        }
        result.r1 = all.equals(List.of(1, 2, 3)) ? 0 : 1;
    }
}
