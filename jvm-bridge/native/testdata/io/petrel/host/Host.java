package io.petrel.host;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;

/** Stands in for the real host: says what it was called with. Used by jvm_test and jvm_host_test. */
public final class Host {
  static final StringBuffer CALLS = new StringBuffer();

  private Host() {}

  public static void boot(byte[] plan, byte[] topology, String confJson) {
    Runtime.getRuntime().addShutdownHook(new Thread(Host::atExit));
    note("boot " + plan.length + " " + topology.length + " " + confJson);
    if (confJson.contains("explode")) throw new IllegalStateException("plan is not Storm's", new RuntimeException("task 3"));
  }

  public static void start(boolean active) {
    note("start " + active);
    Native.ledgerOpen(4, 1000);
    Native.prepared();
  }

  public static void setActive(boolean active) {
    note("setActive " + active);
    new Thread(Host::obey, "Thread-7-bolt").start();
  }

  public static byte[] sample() {
    return new byte[4];
  }

  public static void completions(ByteBuffer direct, int count) {
    direct.order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < count; i++) {
      String text = "completion " + (direct.getLong(16 * i) & 0xFFFFFFFFFL) + " " + direct.getInt(16 * i + 8) + " "
          + direct.getInt(16 * i + 12);
      CALLS.append(text).append('\n');
      if (i == 0) System.out.println("java: " + text);
    }
  }

  public static void deliver(ByteBuffer direct, int sections, int bytes) {
    note("deliver " + sections + " " + bytes);
    direct.order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0, at = 0; i < sections; i++) {
      boolean large = direct.getInt(at + 24) == 2;
      int length = direct.getInt(at + 32);
      if (large) largeCame(direct.getLong(at + 36), length, direct.getInt(at + 20));
      at += 36 + (large ? 8 : length);
    }
  }

  /** As task 1 it is left where it is, as task 2 dropped, else fetched, and a second time in vain. */
  private static void largeCame(long section, int length, int task) {
    if (task == 1) return;
    byte[] into = task == 2 ? null : new byte[length];
    Native.takeSection(section, into);
    note("large " + length + " sum " + java.util.Arrays.hashCode(into));
    try {
      Native.takeSection(section, into);
    } catch (RuntimeException e) {
      note("again: " + e.getMessage());
    }
  }

  public static void credit(int[] firstTasks) {
    note("credit " + java.util.Arrays.toString(firstTasks));
  }

  public static void pressure(int bits) {
    note("pressure " + bits);
  }

  public static void drain(long epoch) {
    note("drain " + epoch);
    Native.drained(epoch);
  }

  public static void stop(long graceMillis) {
    note("stop " + graceMillis);
  }

  private static void note(String text) {
    CALLS.append(text).append('\n');
    System.out.println("java: " + text);
  }

  private static void atExit() {
    note("shutdown hook");
    if (!Boolean.getBoolean("hang")) return;
    while (true) {
      try {
        Thread.sleep(1000);
      } catch (InterruptedException ignored) {
        // the test is that nobody waits for us
      }
    }
  }

  /** Does what the file `order` says, as user code on a thread of its own would. */
  private static void obey() {
    String[] order;
    try {
      order = Files.readString(Path.of("order")).split(" ");
    } catch (IOException none) {
      return;
    }
    int number = Integer.parseInt(order[1]);
    switch (order[0]) {
      case "exit" -> System.exit(number);
      case "halt" -> Runtime.getRuntime().halt(number);
      case "die" -> Native.die("bolt", 7, "java.lang.RuntimeException: boom", number);
      case "tree" -> tree(number);
      default -> throw new IllegalStateException(order[0]);
    }
  }

  /** INIT and ACK of one root of spout task 4 in incarnation 3. */
  private static void tree(long sequence) {
    long root = (4L << 46) | (3L << 36) | sequence;
    ByteBuffer records = ByteBuffer.allocateDirect(64).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < 2; i++) {
      records.putLong(32 * i, root).putLong(32 * i + 8, 99).put(32 * i + 24, (byte) (i + 1));
    }
    Native.ledgerRecords(records, 64);
    Native.ledgerRecorded(true);
  }

  public static String calls() {
    return CALLS.toString();
  }
}
