package io.petrel.host;

import java.util.List;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls of user code that do not return: said once for each, with the stack of its thread, since nothing else of that executor
 * runs meanwhile, and nobody would see why. Thread: the timer.
 */
final class StuckCalls {
    static final String SETTING = "petrel.stuck.call.secs";
    private static final long DEFAULT_SECS = 60;
    private static final Logger LOG = LoggerFactory.getLogger(StuckCalls.class);

    private final List<Executor> executors;
    private final HostClock clock;
    private final long limitNanos;
    private final long[] calls;
    /** Since when an executor has been in the same call, as far as is known. */
    private final long[] since;

    private final boolean[] told;

    StuckCalls(List<Executor> executors, HostClock clock, Map<String, Object> conf) {
        this.executors = executors;
        this.clock = clock;
        limitNanos = 1_000_000_000L * Conf.integer(conf, SETTING, DEFAULT_SECS);
        calls = new long[executors.size()];
        since = new long[executors.size()];
        told = new boolean[executors.size()];
    }

    /** Every second or so. */
    void look() {
        long now = clock.nanos();
        for (int i = 0; i < calls.length && limitNanos > 0; i++) {
            look(i, executors.get(i), now);
        }
    }

    private void look(int i, Executor executor, long now) {
        long count = executor.calls();
        Thread thread = executor.inUserCode();
        if (count != calls[i] || thread == null || since[i] == 0) {
            if (told[i]) {
                LOG.info("Executor {} goes on", executor.spec().name());
            }
            calls[i] = count;
            since[i] = now;
            told[i] = false;
        } else if (!told[i] && now - since[i] >= limitNanos) {
            told[i] = true;
            tell(executor, thread, (now - since[i]) / 1_000_000_000L);
        }
    }

    private static void tell(Executor executor, Thread thread, long seconds) {
        ExecutorSpec spec = executor.spec();
        StuckCall stuck = new StuckCall("a call of " + (spec.spout() ? "nextTuple, ack, fail, open or close" : "execute or prepare")
                + " of component '" + spec.component() + "' has not returned for " + seconds + " s; until it does, tasks "
                + spec.firstTask() + " to " + spec.lastTask() + " do nothing else. Others go on. The stack shows where it is ("
                + SETTING + " says after how long this is said)");
        stuck.setStackTrace(thread.getStackTrace());
        executor.services().errors().report(spec.component(), spec.firstTask(), stuck);
    }

    /** Shown as errors are. */
    private static final class StuckCall extends RuntimeException {
        private static final long serialVersionUID = 1;

        StuckCall(String text) {
            super(text);
        }
    }
}
