package io.petrel.host.storm2;

import java.util.ArrayList;
import java.util.List;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.LogManager;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.LoggerContext;
import org.apache.logging.log4j.core.appender.AbstractAppender;
import org.apache.logging.log4j.core.config.Property;
import org.apache.logging.log4j.core.layout.PatternLayout;

/** Collects what is logged, in the worker's pattern without its time. */
final class LogLines extends AbstractAppender implements AutoCloseable {
    private final List<String> lines = new ArrayList<>();
    private final LoggerContext context = (LoggerContext) LogManager.getContext(false);

    LogLines() {
        super("lines", null, PatternLayout.newBuilder().withPattern("%c{1.} [%p] %msg").build(), false,
                Property.EMPTY_ARRAY);
        start();
        context.getConfiguration().getRootLogger().addAppender(this, Level.INFO, null);
        context.getConfiguration().getRootLogger().setLevel(Level.INFO);
        context.updateLoggers();
    }

    @Override
    public void append(LogEvent event) {
        synchronized (lines) {
            lines.add(getLayout().toSerializable(event).toString());
        }
    }

    List<String> containing(String part) {
        synchronized (lines) {
            return lines.stream().filter(line -> line.contains(part)).toList();
        }
    }

    @Override
    public void close() {
        context.getConfiguration().getRootLogger().removeAppender("lines");
        context.getConfiguration().getRootLogger().setLevel(Level.OFF);
        context.updateLoggers();
        stop();
    }
}
