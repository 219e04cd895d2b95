package io.petrel.host;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Sends what user code prints to the worker's log, as Storm does: loggers STDOUT and STDERR. */
final class Output {
    private static final int MAX_LINE = 64 * 1024;

    private Output() {}

    static void redirect() {
        Logger out = LoggerFactory.getLogger("STDOUT");
        Logger err = LoggerFactory.getLogger("STDERR");
        System.setOut(new PrintStream(new Lines(line -> out.info(line)), true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(new Lines(line -> err.error(line)), true, StandardCharsets.UTF_8));
    }

    private interface Sink {
        void line(String line);
    }

    /** One line per record; a line without an end is cut. Each thread has its own line in the making. */
    private static final class Lines extends OutputStream {
        private final Sink sink;
        private final ThreadLocal<ByteArrayOutputStream> pending = ThreadLocal.withInitial(ByteArrayOutputStream::new);

        Lines(Sink sink) {
            this.sink = sink;
        }

        @Override
        public void write(int b) {
            ByteArrayOutputStream line = pending.get();
            if (b == '\n') {
                end(line);
            } else {
                line.write(b);
                if (line.size() >= MAX_LINE) {
                    end(line);
                }
            }
        }

        private void end(ByteArrayOutputStream line) {
            String text = line.toString(StandardCharsets.UTF_8);
            line.reset();
            sink.line(text.endsWith("\r") ? text.substring(0, text.length() - 1) : text);
        }
    }
}
