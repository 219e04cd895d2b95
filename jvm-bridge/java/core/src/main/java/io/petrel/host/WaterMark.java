package io.petrel.host;

import java.util.function.ToLongFunction;

/** Asks for pressure from the time a queue reaches its high mark until it has fallen to its low mark. Thread: any. */
final class WaterMark {
    private final ToLongFunction<ObjectQueue> measure;
    private final long highBytes;
    private final long lowBytes;
    private final Pressure pressure;
    private final int bit;
    private volatile boolean above;

    WaterMark(ToLongFunction<ObjectQueue> measure, long highBytes, long lowBytes, Pressure pressure, int bit) {
        this.measure = measure;
        this.highBytes = highBytes;
        this.lowBytes = lowBytes;
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
        long bytes = measure.applyAsLong(queue);
        return above ? bytes <= lowBytes : bytes >= highBytes;
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
