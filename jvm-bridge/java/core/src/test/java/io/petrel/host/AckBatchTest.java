package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.FakeLedger;
import io.petrel.host.testkit.FakeLedger.Record;
import io.petrel.host.testkit.ManualClock;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

class AckBatchTest {
    private static final long MASK = 1L << 7;
    private static final long ROOT = (5L << 46) | 17;

    private final FakeLedger ledger = new FakeLedger(new ManualClock()).keepingRecords();
    private final AckBatch acks = new AckBatch(ledger, true);

    private static void fill(AckBatch acks) {
        for (int i = 0; i < AckBatch.MAX_RECORDS; i++) {
            acks.add(LedgerLink.ACK, ROOT + i, i);
        }
    }

    @BeforeEach
    void open() {
        ledger.open(5, 0);
    }

    @Test
    void initAndAcksOfARootLeaveAsOneRecord() {
        acks.add(LedgerLink.ACK, ROOT, 0x11);
        acks.add(LedgerLink.INIT, ROOT, 0x11);
        acks.add(LedgerLink.ACK, ROOT + 1, 0x22);
        acks.add(LedgerLink.ACK, ROOT + 1, 0x44);
        assertEquals(List.of(), ledger.records());
        acks.flush(true);
        assertEquals(List.of(new Record(ROOT, 0, 0, LedgerLink.INIT, 0),
                             new Record(ROOT + 1, 0x66, 0, LedgerLink.ACK, 0)),
                ledger.records());
        assertTrue(acks.isEmpty());
    }

    @Test
    void aRecordWhoseXorIsZeroTravelsToo() {
        acks.add(LedgerLink.ACK, ROOT, 0x33);
        acks.add(LedgerLink.ACK, ROOT, 0x33);
        acks.flush(true);
        assertEquals(List.of(new Record(ROOT, 0, 0, LedgerLink.ACK, 0)), ledger.records());
    }

    @Test
    void masksOfARootAreMergedAndStampedWithTheLossesKnownBeforeTheBatch() {
        ledger.losses = 3;
        acks.open();
        ledger.losses = 4;
        acks.add(LedgerLink.ACK, ROOT, 0, MASK);
        acks.add(LedgerLink.ACK, ROOT, 5, 1);
        acks.add(LedgerLink.FAIL, ROOT + 1, 0);
        acks.flush(true);
        acks.add(LedgerLink.ACK, ROOT, 5);
        acks.flush(true);
        assertEquals(List.of(new Record(ROOT, 5, MASK | 1, LedgerLink.ACK, 3), new Record(ROOT + 1, 0, 0, LedgerLink.FAIL, 3),
                             new Record(ROOT, 5, 0, LedgerLink.ACK, 4)),
                ledger.records());
    }

    @Test
    void failsAndResetsAreNotMerged() {
        acks.add(LedgerLink.FAIL, ROOT, 0);
        acks.add(LedgerLink.INIT, ROOT, 1);
        acks.add(LedgerLink.RESET, ROOT, 0);
        acks.add(LedgerLink.RESET, ROOT, 0);
        acks.flush(true);
        assertEquals(List.of(LedgerLink.INIT + 0, LedgerLink.FAIL + 0, LedgerLink.RESET + 0, LedgerLink.RESET + 0),
                ledger.records().stream().map(Record::kind).toList());
    }

    @Test
    void aFullBatchLeavesByItselfAndIsAttendedToBetweenTwoCalls() {
        fill(acks);
        assertEquals(AckBatch.MAX_RECORDS, ledger.records().size());
        assertTrue(ledger.isWaiting(), "the ledger must not run inside of the user's call");
        assertFalse(acks.isEmpty());
        acks.settle();
        assertFalse(ledger.isWaiting());
        assertTrue(acks.isEmpty());
        acks.settle();
        assertEquals(1, ledger.recordedCalls());
    }

    @Test
    void fullBatchesWaitForEachOtherWhileTheirWriterGathers() {
        acks.gather(true);
        for (int i = 1; i < AckBatch.MOST_GATHERED; i++) {
            fill(acks);
            acks.settle();
            assertTrue(ledger.isWaiting());
        }
        fill(acks);
        acks.settle();
        assertFalse(ledger.isWaiting());
        assertEquals(1, ledger.recordedCalls());
    }

    @Test
    void aFullBatchMayWaitForWhatFollowsWhileItsWriterGathers() {
        acks.gather(true);
        fill(acks);
        assertEquals(AckBatch.MAX_RECORDS, ledger.records().size());
        assertTrue(ledger.isWaiting());
        assertFalse(acks.isEmpty());
        acks.flush(true);
        acks.flush(true);
        assertFalse(ledger.isWaiting());
        assertEquals(1, ledger.recordedCalls());
        assertTrue(acks.isEmpty());
    }

    @Test
    void aBatchAfterAFullOneWakesForBoth() {
        acks.gather(true);
        fill(acks);
        acks.add(LedgerLink.ACK, ROOT, 1);
        assertTrue(ledger.isWaiting());
        acks.flush(true);
        assertFalse(ledger.isWaiting());
        assertTrue(acks.isEmpty());
    }

    @Test
    void theTimerWakesForAFullBatchWhoseWriterStoppedThereOnce() {
        acks.gather(true);
        fill(acks);
        assertTrue(acks.sweep());
        assertTrue(ledger.isWaiting(), "too young");
        for (int i = 0; i < 3; i++) {
            assertFalse(acks.sweep());
        }
        assertFalse(ledger.isWaiting());
        assertEquals(1, ledger.recordedCalls());
    }

    @Test
    void theTimerWakesForAFullBatchThatArrivedAfterTwoOfItsLooks() {
        LookingTimer slow = new LookingTimer(ledger);
        AckBatch gathering = new AckBatch(slow, true);
        gathering.gather(true);
        fill(gathering);
        slow.looksAt = gathering;
        fill(gathering);
        slow.looksAt = null;
        assertTrue(ledger.isWaiting());
        gathering.sweep();
        gathering.sweep();
        assertFalse(ledger.isWaiting());
    }

    /** A timer that is quicker than the call that brings records. */
    private static final class LookingTimer implements LedgerLink {
        private final FakeLedger ledger;
        private AckBatch looksAt;

        LookingTimer(FakeLedger ledger) {
            this.ledger = ledger;
        }

        @Override
        public void open(int spoutTask, long timeoutMillis) {
            ledger.open(spoutTask, timeoutMillis);
        }

        @Override
        public void records(ByteBuffer direct, int bytes) {
            for (int i = 0; looksAt != null && i < 3; i++) {
                looksAt.sweep();
            }
            ledger.records(direct, bytes);
        }

        @Override
        public void recorded(boolean here) {
            ledger.recorded(here);
        }
    }

    @Test
    void theLedgerRunsOnlyBetweenTwoCallsOfUserCode() {
        fill(acks);
        acks.settle();
        fill(acks);
        acks.flush(true);
        assertEquals(2, ledger.recordedHere());
        acks.add(LedgerLink.ACK, ROOT, 1);
        acks.flush(false);
        fill(acks);
        for (int i = 0; i < 3; i++) {
            acks.sweep();
        }
        assertEquals(2, ledger.recordedHere());
        assertEquals(4, ledger.recordedCalls());
    }

    @Test
    void theTimerSendsWhatTheWriterSitsOnOnce() {
        acks.add(LedgerLink.INIT, ROOT, 9);
        assertTrue(acks.sweep());
        assertEquals(0, ledger.records().size(), "too young");
        assertTrue(acks.sweep());
        assertEquals(1, ledger.records().size());
        acks.add(LedgerLink.ACK, ROOT, 9);
        acks.flush(true);
        assertEquals(2, ledger.records().size());
        assertFalse(acks.sweep());
        assertEquals(0, ledger.openTrees(), "init and ack met in the ledger");
    }

    @Test
    void rootsInTheirOrderAreMergedWithTheirNeighbours() {
        for (int i = 0; i < 60; i++) {
            acks.add(LedgerLink.ACK, ROOT + i / 8, 1L << i, i % 8 == 0 ? MASK : 0);
        }
        acks.flush(true);
        assertEquals(8, ledger.records().size());
        for (int i = 0; i < 8; i++) {
            assertEquals(new Record(ROOT + i, i < 7 ? 0xFFL << 8 * i : 0xFL << 56, MASK, LedgerLink.ACK, 0), ledger.records().get(i));
        }
    }

    @Test
    void mergingKeepsTheSumOfEveryRoot() {
        Random random = new Random(4);
        for (int round = 0; round < 200; round++) {
            Map<Long, Long> expected = new HashMap<>();
            int before = ledger.records().size();
            for (int i = 0, n = 2 + random.nextInt(400); i < n; i++) {
                long root = ROOT + random.nextInt(60) * (random.nextBoolean() ? 1 : 1L << 20);
                long xor = random.nextLong();
                acks.add(LedgerLink.ACK, root, xor);
                expected.merge(root, xor, (a, b) -> a ^ b);
            }
            acks.flush(true);
            Map<Long, Long> sent = new HashMap<>();
            for (Record record : ledger.records().subList(before, ledger.records().size())) {
                assertEquals(null, sent.put(record.root(), record.xor()), "a root leaves once");
            }
            assertEquals(expected, sent);
        }
    }

    @Test
    @Timeout(60)
    void writerAndTimerTogetherSendEachRecordOnce() throws Exception {
        AtomicBoolean done = new AtomicBoolean();
        Thread timer = new Thread(() -> {
            while (!done.get()) {
                acks.sweep();
            }
        });
        timer.start();
        long expected = 0;
        Random random = new Random(1);
        for (int i = 0; i < 200_000; i++) {
            long xor = random.nextLong();
            expected ^= xor;
            acks.add(LedgerLink.ACK, ROOT + i % 50, xor);
            if (i % 61 == 0) {
                acks.flush(true);
            }
        }
        acks.flush(true);
        done.set(true);
        timer.join();
        long sum = 0;
        for (Record record : ledger.records()) {
            sum ^= record.xor();
        }
        assertEquals(expected, sum);
    }
}
