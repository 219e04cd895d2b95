package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.codec.BatchReader;
import io.petrel.host.codec.OpaqueCodec;
import io.petrel.host.testkit.ManualClock;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Batches for tasks of other hosts, from the writer to the links. */
@Timeout(120)
class EncodedBatchTest {
    private static final StreamTable STREAMS = new StreamTable(Map.of("c", Map.of("s", List.of("f", "g"))));
    private static final OpaqueCodec REFUSING = new OpaqueCodec() {
        @Override
        public byte[] encode(Object value) {
            throw new IllegalArgumentException("no " + value.getClass().getSimpleName());
        }

        @Override
        public Object decode(byte[] bytes) {
            throw new IllegalArgumentException("nothing was encoded");
        }
    };

    private final ManualClock clock = new ManualClock();
    private final CreditNews news = new CreditNews();
    private final TupleEncoder encoder = new TupleEncoder(STREAMS, () -> REFUSING, 1 << 20);
    private final FakeLinks links = new FakeLinks();
    private int parks;
    private Runnable whileParked = () -> {};
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

    /** Takes what there is credit for; keeps the numbers that the tuples carry, by task. */
    private static final class FakeLinks implements TaskLinks {
        final Map<Integer, List<Integer>> got = new HashMap<>();
        final List<String> markers = new ArrayList<>();
        volatile long credit = Long.MAX_VALUE;
        final List<Boolean> more = new ArrayList<>();
        int offered;
        int offers;
        int bytes;
        int answer = TAKEN;

        @Override
        public synchronized void offered() {
            offered++;
        }

        @Override
        public synchronized int offer(int sourceExecutor, int sourceTask, int task, int lane, int kind, int count,
                byte[] data, int offset, int length, boolean goesOn) {
            offers++;
            more.add(goesOn);
            if (answer != TAKEN) {
                return answer;
            }
            if (credit < length) {
                return NO_CREDIT;
            }
            credit -= length;
            bytes += length;
            List<Integer> numbers = got.computeIfAbsent(task, t -> new ArrayList<>());
            if (kind == MARKER) {
                assertEquals(0, count);
                Marker marker = Marker.decode(Arrays.copyOfRange(data, offset, offset + length));
                markers.add(marker.epoch() + " of " + marker.sourceTask() + " behind " + numbers.size());
                return TAKEN;
            }
            BatchReader reader = new BatchReader(REFUSING);
            assertEquals(count, reader.reset(data, offset, length));
            while (reader.next()) {
                List<Object> values = reader.values();
                numbers.add((Integer) values.get(0));
                assertEquals(((Integer) values.get(0)) % 200, ((String) values.get(1)).length());
            }
            return TAKEN;
        }
    }

    /** Tasks 5 and 6 of one executor, task 7 of another. */
    private Outbox outbox(long hardCap) {
        Destination[] destinations = new Destination[3];
        for (int i = 0; i < 3; i++) {
            destinations[i] = new RemoteDestination(links, clock, news, 1, i / 2, 5 + i, false);
        }
        return new Outbox(destinations, self, clock, hardCap);
    }

    private void add(Outbox outbox, int destination, int from, int to) {
        for (int i = from; i < to; i++) {
            outbox.addEncoded(destination, encoder, "c", 1, 0, i % 3 == 0 ? TupleId.of(i, -i) : TupleId.NONE,
                    List.of(i, "y".repeat(i % 200)));
        }
    }

    /** So many tuples make one full batch of a writer that flushes now and then. */
    private int fillOne(Outbox outbox) {
        outbox.flush();
        int n = 0;
        while (links.offers == 0) {
            add(outbox, 0, n, ++n);
        }
        return n;
    }

    private static List<Integer> range(int from, int to) {
        List<Integer> range = new ArrayList<>();
        for (int i = from; i < to; i++) {
            range.add(i);
        }
        return range;
    }

    @Test
    void leavesWhenFullAndWhenFlushed() {
        Outbox outbox = outbox(1 << 20);
        int n = 0;
        while (links.got.get(5) == null) {
            assertTrue(n < EncodedBatch.MAX_BYTES, "a full batch does not leave");
            add(outbox, 0, n, ++n);
        }
        assertEquals(range(0, n), links.got.get(5));
        assertTrue(links.bytes >= EncodedBatch.MAX_BYTES && links.bytes < EncodedBatch.MAX_BYTES + 300, links.bytes + " bytes");
        add(outbox, 0, n, n + 5);
        assertEquals(range(0, n), links.got.get(5));
        outbox.flush();
        assertEquals(range(0, n + 5), links.got.get(5));
        assertFalse(outbox.isDirty());
    }

    @Test
    void onlyFullBatchesAreFollowedByMore() {
        Outbox outbox = outbox(1 << 20);
        int n = fillOne(outbox);
        assertEquals(List.of(true), links.more);
        assertEquals(0, links.offered);
        outbox.flush();
        assertEquals(1, links.offered, "although no batch was open");
        outbox.flush();
        outbox.sweep();
        assertEquals(1, links.offered);
        add(outbox, 0, n, n + 1);
        outbox.flush();
        assertEquals(List.of(true, false), links.more);
        assertEquals(1, links.offered, "the last one woke the links by itself");
    }

    @Test
    void beforeTheFirstFlushNothingIsLeftForIt() {
        Outbox outbox = outbox(1 << 20);
        add(outbox, 0, 0, 2000);
        assertTrue(links.offers > 0);
        assertFalse(links.more.contains(true), "open and prepare may last, and the timer does not look at them");
    }

    @Test
    void theTimerSendsOnWhatAFullBatchHasLeft() {
        Outbox outbox = outbox(1 << 20);
        fillOne(outbox);
        add(outbox, 0, 0, 1);
        assertTrue(outbox.sweep(), "although another batch is open, which the timer has not seen before");
        assertEquals(1, links.offered);
        outbox.sweep();
        outbox.flush();
        assertEquals(1, links.offered, "once");
    }

    @Test
    void arraysAreUsedAgainAndTuplesStayWhatTheyWere() {
        Outbox outbox = outbox(1 << 22);
        add(outbox, 0, 0, 2000);
        links.credit = 0;
        add(outbox, 2, 2000, 3000);
        add(outbox, 0, 3000, 4000);
        outbox.flush();
        links.credit = Long.MAX_VALUE;
        news.came();
        assertTrue(outbox.retry());
        add(outbox, 2, 4000, 6000);
        outbox.flush();
        List<Integer> first = range(0, 2000);
        first.addAll(range(3000, 4000));
        List<Integer> third = range(2000, 3000);
        third.addAll(range(4000, 6000));
        assertEquals(first, links.got.get(5));
        assertEquals(third, links.got.get(7));
    }

    @Test
    void nothingOvertakesWhatWasRefusedAndTheCauseIsNamed() {
        Outbox outbox = outbox(1 << 20);
        links.credit = 0;
        add(outbox, 0, 0, 3);
        outbox.flush();
        add(outbox, 1, 3, 5);
        outbox.flush();
        int offers = links.offers;
        assertEquals(1, offers, "one for the executor: it has no credit for its second task either");
        outbox.addBlocked(70);
        assertFalse(outbox.retry());
        assertEquals(offers, links.offers, "not again before there is news of credit");
        links.credit = Long.MAX_VALUE;
        add(outbox, 1, 5, 6);
        add(outbox, 2, 6, 7);
        outbox.flush();
        assertEquals(List.of(6), links.got.get(7), "another executor");
        assertEquals(null, links.got.get(6));
        news.came();
        assertTrue(outbox.retry());
        assertEquals(range(0, 3), links.got.get(5));
        assertEquals(range(3, 6), links.got.get(6));
        assertEquals(0, outbox.refusedBytes());
        Map<Integer, Long> blocked = new HashMap<>();
        outbox.addBlockedByTask(blocked);
        assertEquals(Map.of(5, 70L), blocked);
    }

    @Test
    void withoutNewsItIsTriedAgainAfterAWhile() {
        Outbox outbox = outbox(1 << 20);
        links.credit = 0;
        add(outbox, 0, 0, 3);
        outbox.flush();
        links.credit = Long.MAX_VALUE;
        assertFalse(outbox.retry());
        clock.advanceNanos(100_000_000L);
        assertTrue(outbox.retry());
    }

    @Test
    void aMarkerComesBehindAllTuplesOfItsExecutor() {
        Outbox outbox = outbox(1 << 20);
        add(outbox, 0, 0, 3);
        add(outbox, 1, 3, 5);
        outbox.addMarker(0, new Marker(Marker.DRAIN, 9, 1));
        assertEquals(range(3, 5), links.got.get(6));
        assertEquals(List.of("9 of 1 behind 3"), links.markers);
        links.credit = 0;
        add(outbox, 1, 5, 6);
        outbox.addMarker(0, new Marker(Marker.DRAIN, 10, 1));
        assertTrue(outbox.hasRefused());
        links.credit = Long.MAX_VALUE;
        news.came();
        assertTrue(outbox.retry());
        assertEquals(range(3, 6), links.got.get(6));
        assertEquals(2, links.markers.size());
    }

    @Test
    void theTimerTakesWhatHasBeenOpenAndTheRestFollows() {
        Outbox outbox = outbox(1 << 20);
        add(outbox, 0, 0, 3);
        outbox.sweep();
        outbox.sweep();
        assertEquals(range(0, 3), links.got.get(5));
        add(outbox, 0, 3, 40);
        outbox.sweep();
        add(outbox, 0, 40, 50);
        outbox.flush();
        assertEquals(range(0, 50), links.got.get(5));
    }

    @Test
    void whatTheTimerCannotSendStays() {
        Outbox outbox = outbox(1 << 20);
        add(outbox, 0, 0, 3);
        links.credit = 0;
        outbox.sweep();
        outbox.sweep();
        links.answer = TaskLinks.TOO_LARGE;
        news.came();
        assertThrows(IllegalStateException.class, outbox::sweep);
        links.answer = TaskLinks.TAKEN;
        links.credit = Long.MAX_VALUE;
        outbox.flush();
        assertEquals(range(0, 3), links.got.get(5));
    }

    @Test
    void aValueThatCannotBeEncodedLeavesTheBatchAsItWas() {
        Outbox outbox = outbox(1 << 20);
        add(outbox, 0, 0, 2);
        String text = assertThrows(IllegalArgumentException.class,
                () -> outbox.addEncoded(0, encoder, "c", 1, 0, TupleId.NONE, List.of(1, new Thread()))).getMessage();
        assertEquals("component 'c', stream 's', field 'g' (number 1) cannot go to another process: no Thread", text);
        add(outbox, 0, 2, 4);
        outbox.flush();
        assertEquals(range(0, 4), links.got.get(5));
    }

    @Test
    void aTupleAboveTheLimitIsRefusedWithTheLimit() {
        Outbox outbox = outbox(1 << 20);
        String text = assertThrows(IllegalArgumentException.class, () -> outbox.addEncoded(
                0, encoder, "c", 1, 0, TupleId.NONE, List.of(1, new byte[2 << 20]))).getMessage();
        assertTrue(text.contains("is above the limit of 1048576 for tuples to other processes"), text);
        add(outbox, 0, 0, 1);
        outbox.flush();
        assertEquals(range(0, 1), links.got.get(5));
    }

    @Test
    void aboveTheHardCapItWaitsForCredit() {
        Outbox outbox = outbox(2000);
        links.credit = 1000;
        whileParked = () -> {
            links.credit += 5000;
            news.came();
        };
        add(outbox, 0, 0, 1000);
        links.credit = Long.MAX_VALUE;
        news.came();
        outbox.flush();
        assertTrue(outbox.retry());
        assertTrue(parks > 5);
        assertEquals(range(0, 1000), links.got.get(5));
        assertTrue(outbox.blockedNanos() >= 1000L * parks);
    }

    @Test
    @Timeout(60)
    void writerAndTimerTogetherLoseNothingAndKeepOrder() throws Exception {
        Outbox outbox = outbox(1 << 30);
        AtomicBoolean done = new AtomicBoolean();
        Thread timer = new Thread(() -> {
            while (!done.get()) {
                outbox.sweep();
            }
        });
        timer.start();
        int total = 200_000;
        for (int i = 0; i < total; i++) {
            add(outbox, 0, i, i + 1);
            if (i % 97 == 0) {
                outbox.flush();
            }
        }
        outbox.flush();
        done.set(true);
        timer.join();
        assertEquals(range(0, total), links.got.get(5));
    }
}
