package io.petrel.host;

import java.nio.ByteBuffer;

/** The native half of the border, as jvm-bridge/README.md lists it. Used by jvm_test. */
final class Native {
  private Native() {}

  static native void ledgerOpen(int spoutTask, long timeoutMillis);

  static native void ledgerRecords(ByteBuffer direct, int bytes);

  static native void ledgerRecorded(boolean here);

  static native int lossNumber();

  static native int offer(int sourceExecutor, int sourceTask, int destinationTask, int lane, int kind, int count,
      byte[] data, int offset, int length, boolean more);

  static native void offered();

  static native void consumed(long flowLow, long flowHigh, int bytes);

  static native void takeSection(long section, byte[] into);

  static native void loads(int[] tasks, int[] fills);

  static native void pressure(int bits);

  static native void drained(long epoch);

  static native void prepared();

  static native void reportError(String component, int task, String text, long wallMillis);

  static native void die(String component, int task, String text, int exitCode);
}
