package io.petrel.host;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** What jvm_test makes a JVM do. */
public final class Probe {
  private Probe() {}

  public static void fail() {
    try {
      Integer.parseInt("no number");
    } catch (NumberFormatException cause) {
      throw new IllegalStateException("outer \u00e9\u4e16", cause);
    }
  }

  public static void overflow() {
    overflow();
  }

  public static int exhaust() {
    List<byte[]> kept = new ArrayList<>();
    for (int i = 0; ; i++) {
      kept.add(new byte[1 << 24]);
    }
  }

  /** A NullPointerException by a fault in compiled code, which the JVM catches with its own SIGSEGV handler. */
  public static int faults(int rounds) {
    int caught = 0;
    Object nothing = null;
    for (int i = 0; i < rounds; i++) {
      try {
        nothing.hashCode();
      } catch (NullPointerException expected) {
        caught++;
      }
    }
    return caught;
  }

  /** An exception whose description fails as well. */
  public static void failTwice() {
    throw new RuntimeException("x") {
      @Override
      public String getMessage() {
        throw new IllegalArgumentException("no message either");
      }
    };
  }

  public static String thread() {
    ClassLoader loader = Thread.currentThread().getContextClassLoader();
    return Thread.currentThread().getName() + " daemon=" + Thread.currentThread().isDaemon() + " system="
        + (loader == ClassLoader.getSystemClassLoader());
  }

  public static String property(String name) {
    return System.getProperty(name);
  }

  public static String echo(String text) {
    return text;
  }

  public static void exit(int code) {
    System.exit(code);
  }

  public static void exitFromThread(int code) {
    new Thread(() -> System.exit(code), "user-thread").start();
  }

  public static void halt(int code) {
    Runtime.getRuntime().halt(code);
  }

  public static void die(int code) {
    new Thread(() -> Native.die("bolt", 7, "java.lang.RuntimeException: boom", code), "Thread-7-bolt").start();
  }

  public static void report(String component, String text) {
    Native.reportError(component, 3, text, 1234);
  }

  public static void records(int bytes, boolean direct) {
    ByteBuffer buffer = direct ? ByteBuffer.allocateDirect(64) : ByteBuffer.allocate(64);
    buffer.order(ByteOrder.LITTLE_ENDIAN);
    buffer.putLong(0, 77);
    buffer.put(24, (byte) 1);
    Native.ledgerRecords(buffer, bytes);
  }
}
