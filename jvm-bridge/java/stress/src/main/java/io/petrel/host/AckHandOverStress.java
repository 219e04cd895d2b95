package io.petrel.host;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.openjdk.jcstress.annotations.Actor;
import org.openjdk.jcstress.annotations.Arbiter;
import org.openjdk.jcstress.annotations.Expect;
import org.openjdk.jcstress.annotations.JCStressTest;
import org.openjdk.jcstress.annotations.Outcome;
import org.openjdk.jcstress.annotations.State;
import org.openjdk.jcstress.infra.results.I_Result;

/** The writer flushes its ack records while the timer sweeps them: the XOR of each root arrives once. */
@JCStressTest
@Outcome(id = "0", expect = Expect.ACCEPTABLE, desc = "every record arrived once")
@Outcome(expect = Expect.FORBIDDEN, desc = "a record was lost or doubled")
@State
public class AckHandOverStress implements LedgerLink {
    private long xorOfOne;
    private long xorOfTwo;
    private final AckBatch acks = new AckBatch(this, false);

    public AckHandOverStress() {
        acks.add(ACK, 1, 0b001);
        // The timer leaves alone what it has not seen before.
        acks.sweep();
    }

    @Override
    public void open(int spoutTask, long timeoutMillis) {}

    @Override
    public synchronized void records(ByteBuffer direct, int bytes) {
        ByteBuffer in = direct.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes; at += RECORD_BYTES) {
            if (in.getLong(at) == 1) {
                xorOfOne ^= in.getLong(at + 8);
            } else {
                xorOfTwo ^= in.getLong(at + 8);
            }
        }
    }

    @Override
    public void recorded(boolean here) {}

    @Actor
    public void writer() {
        acks.add(ACK, 2, 0b111);
        acks.add(ACK, 1, 0b010);
        acks.flush(true);
        acks.add(ACK, 1, 0b100);
        acks.flush(true);
    }

    @Actor
    public void timer() {
        acks.sweep();
        acks.sweep();
    }

    @Arbiter
    public void end(I_Result result) {
        acks.flush(true);
        result.r1 = xorOfOne == 0b111 && xorOfTwo == 0b111 ? 0 : 1;
    }
}
