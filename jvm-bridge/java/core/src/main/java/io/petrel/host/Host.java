package io.petrel.host;

import java.nio.ByteBuffer;
import java.security.SecureRandom;

/** What petrel-jvm-host calls. The contract is in jvm-bridge/README.md. */
public final class Host {
    /** The line's implementation; the host's class path holds one of the thin modules. */
    private static final String[] LINES = {"io.petrel.host.storm2.Storm2Line", "io.petrel.host.storm1.Storm1Line"};

    private static volatile HostRuntime runtime;
    private static volatile UncaughtErrors errors;

    private Host() {}

    /** Once, on the main thread. Throws with a sentence when the plan is not Storm's. */
    public static void boot(byte[] plan, byte[] topology, String confJson) {
        if (runtime != null) {
            throw new IllegalStateException("boot is called once");
        }
        Output.redirect();
        HostLink link = new Native.Link();
        errors = new UncaughtErrors(link);
        Thread.setDefaultUncaughtExceptionHandler(errors);
        runtime = new HostRuntime(plan, topology, confJson, line(), link, HostClock.SYSTEM,
                new SecureRandom()::nextLong, ThreadParker::new, 0);
    }

    public static void start(boolean active) {
        booted().start(active);
    }

    public static void setActive(boolean active) {
        booted().setActive(active);
    }

    public static byte[] sample() {
        return booted().sample();
    }

    public static void completions(ByteBuffer direct, int count) {
        HostRuntime running = booted();
        try {
            running.completions(direct, count);
        } catch (Throwable t) {
            // The ledger has forgotten these roots: a spout would wait for them for ever.
            errors.uncaughtException(Thread.currentThread(), t);
        }
    }

    public static void deliver(ByteBuffer direct, int sections, int bytes) {
        HostRuntime running = booted();
        try {
            running.deliver(direct, sections, bytes);
        } catch (Throwable t) {
            // The links count these sections as received: nobody would send them again.
            errors.uncaughtException(Thread.currentThread(), t);
        }
    }

    public static void credit(int[] firstTasks) {
        booted().credit(firstTasks);
    }

    public static void pressure(int bits) {
        booted().pressure(bits);
    }

    public static void drain(long epoch) {
        booted().drain(epoch);
    }

    public static void stop(long graceMillis) {
        HostRuntime running = runtime;
        if (running != null) {
            running.stop(graceMillis);
        }
    }

    private static HostRuntime booted() {
        HostRuntime running = runtime;
        if (running == null) {
            throw new IllegalStateException("boot has not been called");
        }
        return running;
    }

    private static ApiLine line() {
        for (String name : LINES) {
            try {
                return (ApiLine) Class.forName(name).getDeclaredConstructor().newInstance();
            } catch (ClassNotFoundException e) {
                // The other line, then.
            } catch (ReflectiveOperationException e) {
                throw new IllegalStateException("cannot make " + name, e);
            }
        }
        throw new IllegalStateException(
                "no module for an API line of Storm on the class path; add petrel-host-storm2.jar to it");
    }
}
