package io.petrel.host;

import java.util.function.IntConsumer;

/**
 * What the queues of this host ask to be held back, here and in all other hosts, and what those ask here: a bit for all spouts,
 * and one for the way into each cycle. Thread: any.
 */
public final class Pressure {
    /** All spouts wait: {@code petrel.flow.control: spout_back_pressure}. */
    static final int SPOUTS = 1;

    private static final int BITS = 16;

    private final int[] raised = new int[BITS];
    private final IntConsumer publish;
    private volatile Runnable onRelease = () -> {};
    private int own;
    private int others;
    private volatile int all;

    /** @param publish tells the other hosts what this one asks */
    public Pressure(IntConsumer publish) {
        this.publish = publish;
    }

    /** The bit of the cycle with this number; two cycles may share one, and then wait for each other. */
    static int cycleBit(int number) {
        return 1 << (1 + number % (BITS - 1));
    }

    /** @param action called when something need not be held back any more; it must not wait */
    void onRelease(Runnable action) {
        onRelease = action;
    }

    /** One queue more asks for this. */
    synchronized void raise(int bit) {
        if (raised[Integer.numberOfTrailingZeros(bit)]++ == 0) {
            tell(own | bit);
        }
    }

    synchronized void lower(int bit) {
        if (--raised[Integer.numberOfTrailingZeros(bit)] == 0) {
            tell(own & ~bit);
        }
    }

    /** What all other hosts ask. */
    synchronized void others(int bits) {
        others = bits;
        update();
    }

    boolean holds(int bit) {
        return (all & bit) != 0;
    }

    private void tell(int bits) {
        own = bits;
        publish.accept(bits);
        update();
    }

    private void update() {
        int before = all;
        all = own | others;
        if ((before & ~all) != 0) {
            onRelease.run();
        }
    }
}
