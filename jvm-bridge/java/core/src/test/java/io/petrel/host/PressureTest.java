package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class PressureTest {
    private final List<Integer> told = new ArrayList<>();
    private final Pressure pressure = new Pressure(told::add);
    private int released;

    @Test
    void theFirstAndTheLastOfThoseWhoAskAreTold() {
        int cycle = Pressure.cycleBit(0);
        pressure.raise(cycle);
        pressure.raise(cycle);
        pressure.raise(Pressure.SPOUTS);
        pressure.lower(cycle);
        assertTrue(pressure.holds(cycle) && pressure.holds(Pressure.SPOUTS));
        pressure.lower(cycle);
        assertFalse(pressure.holds(cycle));
        assertEquals(List.of(cycle, cycle | Pressure.SPOUTS, Pressure.SPOUTS), told);
    }

    @Test
    void whatOthersAskHoldsUntilNobodyAsks() {
        pressure.onRelease(() -> released++);
        pressure.others(Pressure.SPOUTS);
        pressure.raise(Pressure.SPOUTS);
        pressure.others(0);
        assertTrue(pressure.holds(Pressure.SPOUTS));
        assertEquals(0, released);
        pressure.lower(Pressure.SPOUTS);
        assertFalse(pressure.holds(Pressure.SPOUTS));
        assertEquals(1, released);
    }

    @Test
    void aQueueIsAsFullAsTheNearerOfItsLimitsSays() {
        ObjectQueue light = new ObjectQueue(new Waker(new ObjectQueueTest.CountingParker()), 1 << 24, 100);
        assertEquals(0, light.fullness());
        assertTrue(light.tryEnqueue(new TupleBatch(50, 5000L), false));
        assertEquals(500, light.fullness(), "by the number of tuples");
        assertEquals(0.5, light.load());
        assertTrue(light.tryEnqueue(new TupleBatch(128, 5000L), false));
        assertEquals(1.0, light.load(), "groupers see a full queue, never more");
        ObjectQueue heavy = new ObjectQueue(new Waker(new ObjectQueueTest.CountingParker()), 1000, 100);
        assertTrue(heavy.tryEnqueue(new TupleBatch(1, 250L), false));
        assertEquals(250, heavy.fullness(), "by bytes");
        ObjectQueue remote = new ObjectQueue(new Waker(new ObjectQueueTest.CountingParker()), 1 << 24, 100);
        remote.enqueueInbound(new InboundBatch(0, 0, 1, 2, false, 1000, 1 << 21));
        assertEquals(500, remote.fullness(), "by the bytes that another host is granted");
    }

    @Test
    void aWaterMarkAsksFromItsHighMarkToItsLowMarkByWhatCameFromInsideOnly() {
        Waker reader = new Waker(new Parker() {
            @Override
            public void park(long nanos) {}

            @Override
            public void unpark() {}
        });
        ObjectQueue queue = new ObjectQueue(reader, 1000);
        queue.watch(new WaterMark(ObjectQueue::innerBytes, 200, 100, pressure, Pressure.cycleBit(3)));
        assertTrue(queue.tryEnqueue(new TupleBatch(1, 900L), false));
        assertTrue(queue.tryEnqueue(new TupleBatch(1, 150L), true));
        assertFalse(pressure.holds(Pressure.cycleBit(3)));
        assertTrue(queue.tryEnqueue(new TupleBatch(1, 60L), true));
        assertTrue(pressure.holds(Pressure.cycleBit(3)));
        queue.release(queue.poll());
        assertTrue(pressure.holds(Pressure.cycleBit(3)));
        queue.release(queue.poll());
        assertFalse(pressure.holds(Pressure.cycleBit(3)));
        assertEquals(60, queue.innerBytes());
    }
}
