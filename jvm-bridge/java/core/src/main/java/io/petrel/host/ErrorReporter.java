package io.petrel.host;

import java.io.InterruptedIOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.net.SocketTimeoutException;
import java.util.HashMap;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Errors of user code: into the log, and to the topology master, so many per component and interval. Thread: any. */
public final class ErrorReporter implements ErrorSink {
    private static final Logger LOG = LoggerFactory.getLogger("org.apache.storm.executor.error.ReportError");
    private static final Logger UTILS_LOG = LoggerFactory.getLogger("org.apache.storm.utils.Utils");
    private static final int MAX_TEXT = 64 * 1024;
    /** As Storm's worker. */
    private static final int EXIT_CODE = 1;

    private final HostLink link;
    private final HostClock clock;
    private final int maxPerInterval;
    private final long intervalNanos;
    private final Map<String, Window> windows = new HashMap<>();

    public ErrorReporter(HostLink link, HostClock clock, Map<String, Object> conf) {
        this.link = link;
        this.clock = clock;
        maxPerInterval = (int) Conf.integer(conf, "topology.max.error.report.per.interval", 5);
        intervalNanos = 1_000_000_000L * Conf.integer(conf, "topology.error.throttle.interval.secs", 10);
    }

    private static final class Window {
        long since;
        int errors;
    }

    @Override
    public void report(String component, int task, Throwable error) {
        Throwable shown = error == null ? new NullPointerException("reportError was called with null") : error;
        LOG.error("Error", shown);
        if (allowed(component)) {
            link.reportError(component, task, text(shown), clock.wallMillis());
        }
    }

    @Override
    public void die(String component, int task, Throwable error) {
        if (isInterrupt(error)) {
            UTILS_LOG.info("Thread {} was interrupted; it ends", Thread.currentThread().getName());
            return;
        }
        UTILS_LOG.error("Async loop died!", error);
        RuntimeException wrapped = new RuntimeException(error);
        LOG.error("Error", wrapped);
        UTILS_LOG.error("Halting process: Worker died");
        // Never throttled: it is the last thing that is seen of this host.
        link.die(component, task, text(wrapped), EXIT_CODE);
    }

    /** True for what a thread that is being stopped throws. */
    static boolean isInterrupt(Throwable error) {
        boolean interrupted = false;
        for (Throwable t = error; t != null; t = t.getCause()) {
            if (t instanceof SocketTimeoutException) {
                return false;
            }
            interrupted |= t instanceof InterruptedException || t instanceof InterruptedIOException;
            if (t.getCause() == t) {
                break;
            }
        }
        return interrupted;
    }

    /** The stack as Storm shows it. */
    static String text(Throwable error) {
        StringWriter text = new StringWriter();
        error.printStackTrace(new PrintWriter(text));
        String result = text.toString();
        return result.length() <= MAX_TEXT ? result : result.substring(0, MAX_TEXT) + "\n... cut";
    }

    private boolean allowed(String component) {
        synchronized (windows) {
            Window window = windows.computeIfAbsent(component, name -> new Window());
            long now = clock.nanos();
            if (window.errors == 0 || now - window.since > intervalNanos) {
                window.errors = 0;
                window.since = now;
            }
            return ++window.errors <= maxPerInterval;
        }
    }
}
