package io.petrel.host;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Stands in for the real host: says what it was called with. Used by jvm_test. */
public final class Host {
  static final StringBuffer CALLS = new StringBuffer();
  static volatile String bootFailure;

  private Host() {}

  public static void boot(byte[] plan, byte[] topology, String confJson) {
    CALLS.append("boot ").append(plan.length).append(' ').append(topology.length).append(' ').append(confJson).append('\n');
    if (confJson.contains("explode")) throw new IllegalStateException("plan is not Storm's", new RuntimeException("task 3"));
  }

  public static void start(boolean active) {
    CALLS.append("start ").append(active).append('\n');
    Native.ledgerOpen(4, 1000);
    Native.prepared();
  }

  public static void setActive(boolean active) {
    CALLS.append("setActive ").append(active).append('\n');
  }

  public static byte[] sample() {
    return new byte[4];
  }

  public static void completions(ByteBuffer direct, int count) {
    direct.order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      CALLS.append("completion ").append(direct.getLong(16 * i)).append(' ').append(direct.getInt(16 * i + 8)).append(' ')
          .append(direct.getInt(16 * i + 12)).append('\n');
    }
  }

  public static void stop(long graceMillis) {
    CALLS.append("stop ").append(graceMillis).append('\n');
  }

  public static String calls() {
    return CALLS.toString();
  }
}
