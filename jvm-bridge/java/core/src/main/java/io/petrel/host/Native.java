package io.petrel.host;

import java.nio.ByteBuffer;

/** The natives that petrel-jvm-host registers. The contract is in jvm-bridge/README.md. */
public final class Native {
    private Native() {}

    public static native void ledgerOpen(int spoutTask, long timeoutMillis);

    public static native void ledgerRecords(ByteBuffer direct, int bytes);

    public static native void ledgerRecorded(boolean here);

    public static native int lossNumber();

    public static native int offer(int sourceExecutor, int sourceTask, int destinationTask, int lane, int kind, int count,
            byte[] data, int offset, int length, boolean more);

    public static native void offered();

    public static native void consumed(long flowLow, long flowHigh, int bytes);

    public static native void takeSection(long section, byte[] into);

    public static native void loads(int[] tasks, int[] fills);

    public static native void pressure(int bits);

    public static native void drained(long epoch);

    public static native void prepared();

    public static native void reportError(String component, int task, String text, long wallMillis);

    public static native void die(String component, int task, String text, int exitCode);

    /** The natives as an object. */
    static final class Link implements HostLink {
        @Override
        public void open(int spoutTask, long timeoutMillis) {
            ledgerOpen(spoutTask, timeoutMillis);
        }

        @Override
        public void records(ByteBuffer direct, int bytes) {
            ledgerRecords(direct, bytes);
        }

        @Override
        public void recorded(boolean here) {
            ledgerRecorded(here);
        }

        @Override
        public int lossNumber() {
            return Native.lossNumber();
        }

        @Override
        public int offer(int sourceExecutor, int sourceTask, int destinationTask, int lane, int kind, int count, byte[] data,
                int offset, int length, boolean more) {
            return Native.offer(
                    sourceExecutor, sourceTask, destinationTask, lane, kind, count, data, offset, length, more);
        }

        @Override
        public void offered() {
            Native.offered();
        }

        @Override
        public void consumed(long flowLow, long flowHigh, int bytes) {
            Native.consumed(flowLow, flowHigh, bytes);
        }

        @Override
        public void takeSection(long section, byte[] into) {
            Native.takeSection(section, into);
        }

        @Override
        public void loads(int[] tasks, int[] fills) {
            Native.loads(tasks, fills);
        }

        @Override
        public void pressure(int bits) {
            Native.pressure(bits);
        }

        @Override
        public void drained(long epoch) {
            Native.drained(epoch);
        }

        @Override
        public void prepared() {
            Native.prepared();
        }

        @Override
        public void reportError(String component, int task, String text, long wallMillis) {
            Native.reportError(component, task, text, wallMillis);
        }

        @Override
        public void die(String component, int task, String text, int exitCode) {
            Native.die(component, task, text, exitCode);
        }
    }
}
