package io.petrel.host;

import java.nio.ByteBuffer;

/** The natives that petrel-jvm-host registers. The contract is in jvm-bridge/README.md. */
public final class Native {
    private Native() {}

    public static native void ledgerOpen(int spoutTask, long timeoutMillis);

    public static native void ledgerRecords(ByteBuffer direct, int bytes);

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
