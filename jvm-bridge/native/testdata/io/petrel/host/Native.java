package io.petrel.host;

import java.nio.ByteBuffer;

/** The native half of the border, as jvm-bridge/README.md lists it. Used by jvm_test. */
final class Native {
  private Native() {}

  static native void ledgerOpen(int spoutTask, long timeoutMillis);

  static native void ledgerRecords(ByteBuffer direct, int bytes);

  static native void prepared();

  static native void reportError(String component, int task, String text, long wallMillis);

  static native void die(String component, int task, String text, int exitCode);
}
