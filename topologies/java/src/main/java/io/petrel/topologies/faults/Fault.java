package io.petrel.topologies.faults;

import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.Field;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.locks.LockSupport;

/** A fault of user code that happens once in the life of a topology: a marker file says that it has happened. */
final class Fault implements java.io.Serializable {
    private static final long serialVersionUID = 1;
    private final String mode;
    private final String marker;

    Fault(String mode, String folder) {
        this.mode = mode;
        this.marker = folder + "/happened";
    }

    /** This is the mode, and it has not happened yet. */
    boolean isDue(String place) {
        return mode.equals(place) && !Files.exists(Path.of(marker));
    }

    /** True once, for the caller whose turn it is in this mode. */
    boolean now(String place) {
        if (!isDue(place)) {
            return false;
        }
        try {
            Files.createFile(Path.of(marker));
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void throwNow(String place) {
        if (now(place)) {
            throw new IllegalStateException("planted in " + place);
        }
    }

    /** The ways to end or block a process from user code. */
    void endNow() {
        if (now("exit")) {
            System.exit(3);
        } else if (now("halt")) {
            Runtime.getRuntime().halt(4);
        } else if (now("endless-loop")) {
            while (true) {
                Thread.onSpinWait();
            }
        } else if (now("heap")) {
            List<byte[]> kept = new ArrayList<>();
            while (true) {
                kept.add(new byte[16 << 20]);
            }
        } else if (now("direct-memory")) {
            List<ByteBuffer> kept = new ArrayList<>();
            while (true) {
                kept.add(ByteBuffer.allocateDirect(16 << 20));
            }
        } else if (now("metaspace")) {
            fillMetaspace();
        } else if (now("stack")) {
            recurse(0);
        } else if (now("segv")) {
            writeToAddressZero();
        } else if (now("deadlock")) {
            deadlock();
        } else if (now("close-standard-files")) {
            closeStandardFiles();
        } else if (now("binary-output")) {
            printBinary();
        } else if (now("thread-leak")) {
            for (int i = 0; i < 300; i++) {
                new Thread(Fault::waitForEver).start();
            }
        }
    }

    private static void closeStandardFiles() {
        try {
            new FileInputStream(FileDescriptor.in).close();
            new FileOutputStream(FileDescriptor.out).close();
            new FileOutputStream(FileDescriptor.err).close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** All bytes there are, in lines that are too long and in one without an end; by Java's stream and by the file itself. */
    private static void printBinary() {
        byte[] bytes = new byte[1 << 20];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) (i * 31);
        }
        System.out.write(bytes, 0, bytes.length);
        System.err.write(bytes, 0, bytes.length);
        try {
            new FileOutputStream(FileDescriptor.out).write(bytes);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A class per turn, each of a loader of its own, all kept. */
    private static void fillMetaspace() {
        List<Object> kept = new ArrayList<>();
        while (true) {
            ClassLoader loader = new ClassLoader(null) { };
            kept.add(Proxy.newProxyInstance(loader, new Class<?>[] {Runnable.class}, (proxy, method, args) -> null));
        }
    }

    /** What a bug in a user's native library does. */
    private static void writeToAddressZero() {
        try {
            Field field = sun.misc.Unsafe.class.getDeclaredField("theUnsafe");
            field.setAccessible(true);
            ((sun.misc.Unsafe) field.get(null)).putAddress(0, 0);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /** Two threads that wait for each other's lock; the caller is one of them. */
    private static void deadlock() {
        Object mine = new Object();
        Object other = new Object();
        CountDownLatch bothHeld = new CountDownLatch(2);
        Thread thread = new Thread(() -> lockBoth(other, mine, bothHeld));
        thread.start();
        lockBoth(mine, other, bothHeld);
    }

    private static void lockBoth(Object first, Object second, CountDownLatch bothHeld) {
        synchronized (first) {
            bothHeld.countDown();
            try {
                bothHeld.await();
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
            synchronized (second) {
                throw new IllegalStateException("no deadlock");
            }
        }
    }

    private static void waitForEver() {
        while (true) {
            LockSupport.park();
        }
    }

    private static long recurse(long depth) {
        return depth < 0 ? depth : recurse(depth + 1) + recurse(depth + 2);
    }
}
