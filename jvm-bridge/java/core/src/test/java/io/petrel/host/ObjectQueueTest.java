package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class ObjectQueueTest {
    /** Counts its unparks. */
    static final class CountingParker implements Parker {
        int unparks;

        @Override
        public void park(long nanos) {}

        @Override
        public void unpark() {
            unparks++;
        }
    }

    private final CountingParker readerParker = new CountingParker();
    private final Waker reader = new Waker(readerParker);
    private final ObjectQueue queue = new ObjectQueue(reader, 100);

    private static TupleBatch batch(int... charges) {
        TupleBatch batch = new TupleBatch(4);
        for (int charge : charges) {
            batch.add(null, 1, charge);
        }
        batch.close();
        return batch;
    }

    /** A batch whose writer goes on. */
    private static TupleBatch followed(int... charges) {
        TupleBatch batch = batch(charges);
        batch.more = true;
        return batch;
    }

    @Test
    void keepsTheOrderOfAWriter() {
        TupleBatch a = batch(1);
        TupleBatch b = batch(1);
        TupleBatch c = batch(1);
        queue.tryEnqueue(a, false);
        queue.tryEnqueue(b, false);
        assertSame(a, queue.poll());
        queue.tryEnqueue(c, false);
        assertSame(b, queue.poll());
        assertSame(c, queue.poll());
        assertNull(queue.poll());
        assertTrue(queue.isEmpty());
    }

    @Test
    void chargesAndGrantsNoCreditAboveTheLimit() {
        TupleBatch large = batch(90, 90);
        assertTrue(queue.tryEnqueue(large, false), "below the limit a batch is accepted whole");
        assertEquals(180, queue.bytes());
        assertEquals(2, queue.tuples());
        TupleBatch refused = batch(1);
        assertFalse(queue.tryEnqueue(refused, false));
        assertEquals(180, queue.bytes());
        assertTrue(queue.tryEnqueue(refused, true), "edges inside a cycle always get credit");
        assertEquals(181, queue.bytes());
    }

    @Test
    void creditReturnsWhenABatchHasBeenProcessed() {
        TupleBatch large = batch(100);
        queue.tryEnqueue(large, false);
        queue.poll();
        assertFalse(queue.tryEnqueue(batch(1), false), "taken is not processed");
        queue.release(large);
        assertEquals(0, queue.bytes());
        assertEquals(0, queue.tuples());
        assertTrue(queue.tryEnqueue(batch(1), false));
    }

    @Test
    void wakesWaitingWritersOnceBelowHalf() {
        CountingParker parker = new CountingParker();
        Waker writer = new Waker(parker);
        TupleBatch first = batch(60);
        TupleBatch second = batch(60);
        queue.tryEnqueue(first, false);
        queue.tryEnqueue(second, false);
        queue.await(writer);
        queue.await(writer);
        writer.prepare();
        queue.release(first);
        assertEquals(0, parker.unparks, "60 of 100 is not below half");
        queue.release(second);
        assertEquals(1, parker.unparks);
        writer.prepare();
        queue.tryEnqueue(first, false);
        queue.release(first);
        assertEquals(1, parker.unparks, "a writer is woken once per wait");
    }

    @Test
    void wakesTheReaderOnlyWhenItSleeps() {
        queue.tryEnqueue(batch(1), false);
        assertEquals(0, readerParker.unparks);
        reader.prepare();
        queue.tryEnqueue(batch(1), false);
        queue.tryEnqueue(batch(1), false);
        assertEquals(1, readerParker.unparks);
    }

    @Test
    void grantsNoCreditAboveSoManyTuples() {
        ObjectQueue counted = new ObjectQueue(reader, 1 << 20, 4);
        CountingParker parker = new CountingParker();
        Waker writer = new Waker(parker);
        TupleBatch first = batch(1, 1);
        TupleBatch second = batch(1, 1, 1);
        assertTrue(counted.tryEnqueue(first, false));
        assertTrue(counted.tryEnqueue(second, false), "below the limit a batch is accepted whole");
        assertFalse(counted.tryEnqueue(batch(1), false));
        assertTrue(counted.tryEnqueue(batch(), true), "edges inside a cycle always get credit");
        counted.await(writer);
        writer.prepare();
        counted.release(first);
        assertEquals(0, parker.unparks, "3 of 4 are not below half");
        counted.release(second);
        assertEquals(1, parker.unparks);
    }

    @Test
    void aBatchWhoseWriterGoesOnDoesNotWakeTheReaderAlone() {
        ObjectQueue wide = new ObjectQueue(reader, 1 << 20);
        reader.prepare();
        for (int tuples = 0; tuples < 2048; tuples += 4) {
            assertEquals(0, readerParker.unparks, tuples + " tuples are not worth it");
            assertTrue(wide.tryEnqueue(followed(1, 1, 1, 1), false));
        }
        assertEquals(1, readerParker.unparks);
    }

    @Test
    void ofHeavyTuplesTwoMebibytesWakeTheReader() {
        ObjectQueue wide = new ObjectQueue(reader, 32 << 20);
        reader.prepare();
        wide.tryEnqueue(followed((2 << 20) - 1), false);
        assertEquals(0, readerParker.unparks);
        wide.tryEnqueue(followed(1), false);
        assertEquals(1, readerParker.unparks);
    }

    @Test
    void aBatchThatFillsHalfOfTheQueueWakesTheReader() {
        reader.prepare();
        queue.tryEnqueue(followed(49), false);
        assertEquals(0, readerParker.unparks);
        queue.tryEnqueue(followed(1), false);
        assertEquals(1, readerParker.unparks);
    }

    @Test
    void theReaderIsWokenForWhatItWasNotWokenFor() {
        reader.prepare();
        queue.wakeReader();
        assertEquals(0, readerParker.unparks, "there is nothing");
        queue.tryEnqueue(followed(1), false);
        queue.wakeReader();
        queue.wakeReader();
        assertEquals(1, readerParker.unparks);
    }

    @Test
    @Timeout(60)
    void losesNothingAndKeepsOrderBetweenThreads() throws Exception {
        int writers = 3;
        int perWriter = 20_000;
        ThreadParker parker = new ThreadParker();
        parker.adopt(Thread.currentThread());
        Waker waker = new Waker(parker);
        ObjectQueue shared = new ObjectQueue(waker, 500);
        List<Thread> threads = new ArrayList<>();
        for (int w = 0; w < writers; w++) {
            int writer = w;
            Thread thread = new Thread(() -> write(shared, writer, perWriter));
            threads.add(thread);
            thread.start();
        }
        int[] next = new int[writers];
        for (int received = 0; received < writers * perWriter;) {
            TupleBatch batch = shared.poll();
            if (batch == null) {
                waker.prepare();
                if (shared.isEmpty()) {
                    waker.sleep(10_000_000_000L);
                } else {
                    waker.cancel();
                }
                continue;
            }
            for (int i = batch.first(); i < batch.end(); i++) {
                int writer = batch.task(i) / 1_000_000;
                assertEquals(next[writer]++, batch.task(i) % 1_000_000);
                received++;
            }
            shared.release(batch);
        }
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(0, shared.bytes());
        assertEquals(0, shared.tuples());
    }

    /** Sends numbered entries in batches of varying size, waiting for credit as an executor does. */
    private static void write(ObjectQueue queue, int writer, int count) {
        ThreadParker parker = new ThreadParker();
        parker.adopt(Thread.currentThread());
        Waker waker = new Waker(parker);
        for (int i = 0; i < count;) {
            TupleBatch batch = new TupleBatch(4);
            for (int n = 1 + i % 7; n > 0 && i < count; n--, i++) {
                batch.add(null, writer * 1_000_000 + i, 10);
            }
            batch.close();
            while (!queue.tryEnqueue(batch, false)) {
                waker.prepare();
                queue.await(waker);
                if (queue.tryEnqueue(batch, false)) {
                    waker.cancel();
                    break;
                }
                waker.sleep(10_000_000_000L);
            }
        }
    }
}
