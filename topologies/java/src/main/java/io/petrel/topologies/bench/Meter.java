package io.petrel.topologies.bench;

import java.io.FileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counting inside the measured process, the same for every system: a task owns a Cell, and one daemon thread appends the
 * running totals four times a second to FOLDER/cells-PID.log as lines "C wallMillis name count".
 */
final class Meter {
    /** A running total; one thread adds. */
    static final class Cell {
        private final String name;
        private final AtomicLong shown = new AtomicLong();
        private long count;

        private Cell(String name) {
            this.name = name;
        }

        void add() {
            shown.lazySet(++count);
        }
    }

    private static final List<Cell> CELLS = new ArrayList<>();
    private static boolean started;

    private Meter() {
    }

    static synchronized Cell cell(String folder, String name) {
        Cell cell = new Cell(name);
        CELLS.add(cell);
        if (!started) {
            started = true;
            Thread thread = new Thread(() -> write(folder), "bench-meter");
            thread.setDaemon(true);
            thread.start();
        }
        return cell;
    }

    private static void write(String folder) {
        try (FileWriter file = new FileWriter(folder + "/cells-" + ProcessHandle.current().pid() + ".log", true)) {
            while (true) {
                StringBuilder lines = new StringBuilder();
                synchronized (Meter.class) {
                    for (Cell cell : CELLS) {
                        lines.append("C ").append(System.currentTimeMillis()).append(' ').append(cell.name).append(' ')
                                .append(cell.shown.get()).append('\n');
                    }
                }
                file.write(lines.toString());
                file.flush();
                Thread.sleep(250);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }
}
