package io.petrel.host.testkit;

import java.util.Map;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.TestExecutionExceptionHandler;

/** Shows where all threads are when a test has run out of time: the test's own stack rarely says what it waits for. */
public final class HangDump implements TestExecutionExceptionHandler {
    @Override
    public void handleTestExecutionException(ExtensionContext context, Throwable thrown) throws Throwable {
        if (thrown instanceof TimeoutException) {
            StringBuilder text = new StringBuilder("time is up for ").append(context.getUniqueId()).append('\n');
            for (Map.Entry<Thread, StackTraceElement[]> entry : Thread.getAllStackTraces().entrySet()) {
                text.append(entry.getKey()).append(' ').append(entry.getKey().getState()).append('\n');
                for (StackTraceElement frame : entry.getValue()) {
                    text.append("    at ").append(frame).append('\n');
                }
            }
            thrown.addSuppressed(new IllegalStateException(text.toString()));
        }
        throw thrown;
    }
}
