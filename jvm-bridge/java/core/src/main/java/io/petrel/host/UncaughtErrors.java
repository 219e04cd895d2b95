package io.petrel.host;

import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** As in Storm, an error that ends a thread of the user's ends the worker. Thread: the one that dies. */
final class UncaughtErrors implements Thread.UncaughtExceptionHandler {
    private static final Logger LOG = LoggerFactory.getLogger("org.apache.storm.utils.Utils");
    private static final int EXIT_CODE = 1;
    private static final int OUT_OF_MEMORY_CODE = -1;

    private final HostLink link;

    UncaughtErrors(HostLink link) {
        this.link = link;
    }

    @Override
    public void uncaughtException(Thread thread, Throwable error) {
        try {
            if (ErrorReporter.isInterrupt(error)) {
                LOG.info("Thread {} was interrupted; it ends", thread.getName());
                return;
            }
            LOG.error("Thread {} died of an error; the worker ends", thread.getName(), error);
            link.die("__system", Ticks.SYSTEM_TASK, ErrorReporter.text(error), EXIT_CODE);
        } catch (OutOfMemoryError e) {
            // Nothing more can be said.
            Runtime.getRuntime().halt(OUT_OF_MEMORY_CODE);
        }
    }
}
