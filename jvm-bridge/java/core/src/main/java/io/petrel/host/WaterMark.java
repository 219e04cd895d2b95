package io.petrel.host;

import java.util.function.ToLongFunction;

/** Asks for pressure from the time a queue reaches its high mark until it has fallen to its low mark. Thread: any. */
final class WaterMark {
    private final ToLongFunction<ObjectQueue> measure;
    private final long high;
    private final long low;
    private final Pressure pressure;
    private final int bit;
    private volatile boolean above;

    WaterMark(ToLongFunction<ObjectQueue> measure, long high, long low, Pressure pressure, int bit) {
        this.measure = measure;
        this.high = high;
        this.low = low;
        this.pressure = pressure;
        this.bit = bit;
    }

    /** After each change of the queue. */
    void look(ObjectQueue queue) {
        if (hasCrossed(queue)) {
            change(queue);
        }
    }

    private boolean hasCrossed(ObjectQueue queue) {
        long now = measure.applyAsLong(queue);
        return above ? now <= low : now >= high;
    }

    private synchronized void change(ObjectQueue queue) {
        // Once more after each change: whoever crossed the other mark meanwhile may have looked before it.
        while (hasCrossed(queue)) {
            above = !above;
            if (above) {
                pressure.raise(bit);
            } else {
                pressure.lower(bit);
            }
        }
    }
}
