package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.slf4j.LoggerFactory;

/** The worker's log files, written by a JVM of their own with the worker's configuration. */
class WorkerLogTest {
    /** The child: prints and logs as user code does. */
    static final class Child {
        public static void main(String[] args) {
            Output.redirect();
            LoggerFactory.getLogger("com.example.users.Bolt").info("a line of the user's");
            System.out.println("printed");
            System.err.println("complained\r\nünïcode");
            LoggerFactory.getLogger("org.apache.storm.metric.LoggingMetricsConsumer").info("a metric");
        }
    }

    @Test
    void filesAndPatternAreStorms(@TempDir Path folder) throws Exception {
        Process child = new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), "-Dlog4j.configurationFile=classpath:petrel-worker.xml",
                "-Dworkers.artifacts=" + folder, "-Dstorm.id=words-1-7", "-Dworker.port=6700",
                "-Dlogfile.name=worker.log", Child.class.getName())
                .redirectErrorStream(true).redirectOutput(folder.resolve("console").toFile()).start();
        assertTrue(child.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, child.exitValue(), () -> console(folder));
        Path logs = folder.resolve("words-1-7").resolve("6700");
        List<String> lines = Files.readAllLines(logs.resolve("worker.log"));
        String time = "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d\\.\\d{3} ";
        assertTrue(lines.get(0).matches(time + "c\\.e\\.u\\.Bolt main \\[INFO\\] a line of the user's"), lines.get(0));
        assertTrue(lines.get(1).matches(time + "STDOUT main \\[INFO\\] printed"), lines.get(1));
        assertTrue(lines.get(2).matches(time + "STDERR main \\[ERROR\\] complained"), lines.get(2));
        assertTrue(lines.get(3).endsWith("ünïcode"), lines.get(3));
        assertEquals(List.of("printed"), Files.readAllLines(logs.resolve("worker.log.out")));
        assertEquals(List.of("complained", "ünïcode"), Files.readAllLines(logs.resolve("worker.log.err")));
        assertTrue(Files.readString(logs.resolve("worker.log.metrics")).endsWith("a metric\n"));
        assertEquals("", console(folder), "nothing of ours on the console");
    }

    private static String console(Path folder) {
        try {
            return Files.readString(folder.resolve("console"));
        } catch (java.io.IOException e) {
            return e.toString();
        }
    }
}
