package io.petrel.topologies.bench;

import java.io.FileWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Counting inside the measured process, the same for every system: a task owns a Cell, and one daemon thread appends the
 * running totals four times a second (at first twenty times) to FOLDER/cells-PID.log:
 * "C wallMillis name count", and for a cell with times "H wallMillis name bucket:count,bucket:count,...".
 */
public final class Meter {
    private static final int BUCKETS_OF_AN_OCTAVE = 32;
    private static final int FIRST_TICKS = 100;

    /** A running total, and the histogram of its times; one thread adds. */
    public static final class Cell {
        private final String name;
        private final AtomicLong shown = new AtomicLong();
        private final long[] times = new long[64 * BUCKETS_OF_AN_OCTAVE];
        private long count;
        private volatile boolean timed;

        private Cell(String name) {
            this.name = name;
        }

        public void add() {
            shown.lazySet(++count);
        }

        /** The writer may see a time a moment late, never a wrong one. */
        public void time(long nanos) {
            times[bucket(nanos)]++;
            if (!timed) {
                timed = true;
            }
        }
    }

    private static final List<Cell> CELLS = new ArrayList<>();
    private static boolean started;

    private Meter() {
    }

    /** 32 buckets to each power of two: 3 per cent wide. Below 32 ns each has its own; below 0 counts as 0. */
    public static int bucket(long nanos) {
        if (nanos < BUCKETS_OF_AN_OCTAVE) {
            return (int) Math.max(0, nanos);
        }
        int exponent = 63 - Long.numberOfLeadingZeros(nanos);
        return (exponent - 4) * BUCKETS_OF_AN_OCTAVE + (int) ((nanos >>> (exponent - 5)) & (BUCKETS_OF_AN_OCTAVE - 1));
    }

    public static synchronized Cell cell(String folder, String name) {
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
            for (int tick = 0; ; tick = Math.min(tick + 1, FIRST_TICKS)) {
                file.write(lines());
                file.flush();
                Thread.sleep(tick < FIRST_TICKS ? 50 : 250);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private static synchronized String lines() {
        StringBuilder lines = new StringBuilder();
        for (Cell cell : CELLS) {
            String head = System.currentTimeMillis() + " " + cell.name + " ";
            lines.append("C ").append(head).append(cell.shown.get()).append('\n');
            if (cell.timed) {
                lines.append("H ").append(head);
                for (int i = 0; i < cell.times.length; i++) {
                    if (cell.times[i] != 0) {
                        lines.append(i).append(':').append(cell.times[i]).append(',');
                    }
                }
                lines.append('\n');
            }
        }
        return lines.toString();
    }
}
