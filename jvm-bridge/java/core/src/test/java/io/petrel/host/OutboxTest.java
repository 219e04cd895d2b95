package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.ManualClock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class OutboxTest {
    private static final int CHARGE = 10;

    private final ManualClock clock = new ManualClock();
    private final ObjectQueue queue = new ObjectQueue(new Waker(new ObjectQueueTest.CountingParker()), 100);
    private Runnable whileParked = () -> {};
    private int parks;
    private final Waker self = new Waker(new Parker() {
        @Override
        public void park(long nanos) {
            parks++;
            clock.advanceNanos(1000);
            whileParked.run();
        }

        @Override
        public void unpark() {}
    });

    private Outbox outbox(boolean inner, long hardCap) {
        return new Outbox(new Destination[] {new LocalDestination(queue, 0, 1, inner, null)}, self, clock, hardCap);
    }

    private static void add(Outbox outbox, int from, int to) {
        for (int i = from; i < to; i++) {
            outbox.add(0, null, i, CHARGE);
        }
    }

    /** Everything in the queue, released. */
    private List<Integer> drain() {
        List<Integer> tasks = new ArrayList<>();
        for (TupleBatch batch; (batch = queue.poll()) != null;) {
            for (int i = batch.first(); i < batch.end(); i++) {
                tasks.add(batch.task(i));
            }
            queue.release(batch);
        }
        return tasks;
    }

    private static List<Integer> range(int from, int to) {
        List<Integer> range = new ArrayList<>();
        for (int i = from; i < to; i++) {
            range.add(i);
        }
        return range;
    }

    @Test
    void handsOverWhenFullAndWhenFlushed() {
        Outbox outbox = outbox(false, 1000);
        add(outbox, 0, TupleBatch.MAX_TUPLES + 3);
        assertEquals(TupleBatch.MAX_TUPLES, queue.tuples());
        assertTrue(outbox.isDirty());
        outbox.flush();
        assertFalse(outbox.isDirty());
        assertTrue(outbox.hasRefused(), "the full batch took all the credit");
        assertEquals(range(0, TupleBatch.MAX_TUPLES), drain());
        assertTrue(outbox.retry());
        assertEquals(range(TupleBatch.MAX_TUPLES, TupleBatch.MAX_TUPLES + 3), drain());
    }

    @Test
    void refusedBatchesKeepTheirOrderAndNothingOvertakesThem() {
        Outbox outbox = outbox(false, 100_000);
        for (int i = 0; i < 40; i += 4) {
            add(outbox, i, i + 4);
            outbox.flush();
        }
        assertTrue(outbox.hasRefused());
        List<Integer> seen = new ArrayList<>();
        for (int i = 0; i < 20 && seen.size() < 44; i++) {
            seen.addAll(drain());
            if (i == 1) {
                add(outbox, 40, 44);
                outbox.flush();
            }
            outbox.retry();
        }
        assertEquals(range(0, 44), seen);
        assertEquals(0, outbox.refusedBytes());
    }

    @Test
    void anInnerEdgeIsNeverRefused() {
        Outbox outbox = outbox(true, 10);
        for (int i = 0; i < 100; i++) {
            add(outbox, i, i + 1);
            outbox.flush();
        }
        assertFalse(outbox.hasRefused());
        assertEquals(0, parks);
        assertEquals(range(0, 100), drain());
    }

    @Test
    void aboveTheHardCapItBlocksUntilThereIsCredit() {
        List<Integer> seen = new ArrayList<>();
        whileParked = () -> seen.addAll(drain());
        Outbox outbox = outbox(false, 200);
        for (int i = 0; i < 200; i++) {
            add(outbox, i, i + 1);
            outbox.flush();
            assertTrue(outbox.refusedBytes() <= 200 + CHARGE, "accepted up to the cap only");
        }
        assertTrue(parks > 0);
        assertEquals(1000L * parks, outbox.blockedNanos());
        while (!outbox.retry()) {
            seen.addAll(drain());
        }
        seen.addAll(drain());
        assertEquals(range(0, 200), seen);
    }

    @Test
    void anInterruptEndsTheBlock() {
        whileParked = () -> Thread.currentThread().interrupt();
        Outbox outbox = outbox(false, 50);
        assertThrows(HostStopping.class, () -> {
            for (int i = 0; i < 200; i++) {
                add(outbox, i, i + 1);
                outbox.flush();
            }
        });
        assertFalse(Thread.interrupted());
    }

    @Test
    void theTimerTakesWhatHasBeenOpenSinceItsLastLook() {
        Outbox outbox = outbox(false, 1000);
        add(outbox, 0, 3);
        assertTrue(outbox.sweep());
        assertEquals(List.of(), drain(), "too young");
        assertTrue(outbox.sweep());
        assertEquals(range(0, 3), drain());
        add(outbox, 3, 5);
        outbox.flush();
        assertEquals(range(3, 5), drain(), "the rest leaves once, behind it");
        assertFalse(outbox.sweep());
    }

    @Test
    void theTimerTakesNothingPastRefusedBatches() {
        Outbox outbox = outbox(false, 100_000);
        add(outbox, 0, 20);
        outbox.flush();
        add(outbox, 20, 22);
        outbox.flush();
        add(outbox, 22, 24);
        outbox.sweep();
        outbox.sweep();
        assertEquals(range(0, 20), drain());
        outbox.sweep();
        assertEquals(List.of(), drain());
        outbox.retry();
        outbox.flush();
        assertEquals(range(20, 24), drain());
    }

    @Test
    void fullBatchesWakeTheReaderWithTheNextFlushOrSweep() {
        ObjectQueueTest.CountingParker parker = new ObjectQueueTest.CountingParker();
        Waker reader = new Waker(parker);
        ObjectQueue wide = new ObjectQueue(reader, 1 << 20);
        Outbox outbox =
                new Outbox(new Destination[] {new LocalDestination(wide, 0, 1, false, null)}, self, clock, 1000);
        outbox.flush();
        reader.prepare();
        add(outbox, 0, TupleBatch.MAX_TUPLES);
        assertEquals(TupleBatch.MAX_TUPLES, wide.tuples());
        assertEquals(0, parker.unparks);
        outbox.flush();
        assertEquals(1, parker.unparks, "by the flush, although no batch was open");
        reader.prepare();
        add(outbox, 0, TupleBatch.MAX_TUPLES);
        assertTrue(outbox.sweep(), "the timer looks again soon");
        assertEquals(2, parker.unparks, "by the timer, when the writer sits in user code");
        reader.prepare();
        assertFalse(outbox.sweep());
        assertEquals(2, parker.unparks, "who is owed nothing sleeps on");
    }

    @Test
    void aRefusedBatchWakesTheReaderWhenItLeaves() {
        ObjectQueueTest.CountingParker parker = new ObjectQueueTest.CountingParker();
        Waker reader = new Waker(parker);
        ObjectQueue narrow = new ObjectQueue(reader, 1 << 20, 1);
        Outbox outbox =
                new Outbox(new Destination[] {new LocalDestination(narrow, 0, 1, false, null)}, self, clock, 1 << 20);
        outbox.flush();
        add(outbox, 0, 2 * TupleBatch.MAX_TUPLES);
        assertTrue(outbox.hasRefused());
        narrow.release(narrow.poll());
        outbox.flush();
        reader.prepare();
        assertTrue(outbox.retry());
        assertEquals(1, parker.unparks);
    }

    @Test
    @Timeout(60)
    void writerAndTimerTogetherLoseNothingAndKeepOrder() throws Exception {
        ObjectQueue wide = new ObjectQueue(new Waker(new ObjectQueueTest.CountingParker()), 1 << 30, Integer.MAX_VALUE);
        Outbox outbox =
                new Outbox(new Destination[] {new LocalDestination(wide, 0, 1, false, null)}, self, clock, 1000);
        AtomicBoolean done = new AtomicBoolean();
        Thread timer = new Thread(() -> {
            while (!done.get()) {
                outbox.sweep();
            }
        });
        timer.start();
        int total = 300_000;
        for (int i = 0; i < total; i++) {
            outbox.add(0, null, i, CHARGE);
            if (i % 97 == 0) {
                outbox.flush();
            }
        }
        outbox.flush();
        done.set(true);
        timer.join();
        int next = 0;
        for (TupleBatch batch; (batch = wide.poll()) != null;) {
            for (int i = batch.first(); i < batch.end(); i++) {
                assertEquals(next++, batch.task(i));
            }
        }
        assertEquals(total, next);
    }
}
