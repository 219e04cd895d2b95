package io.petrel.topologies;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Supplier;

/** Publishes a small text as a file, a few times a second at most and always whole (a reader never sees half of it). */
public final class Progress {
    private static final long INTERVAL_NANOS = 250_000_000;
    private final Path file;
    private long lastNanos = System.nanoTime();
    long failures;

    /** Folder null: publishes nothing. */
    public Progress(String folder, String name) {
        this.file = folder == null ? null : Path.of(folder, name);
    }

    public void publish(Supplier<String> text, boolean now) {
        if (file == null) {
            return;
        }
        long nanos = System.nanoTime();
        if (!now && nanos - lastNanos < INTERVAL_NANOS) {
            return;
        }
        lastNanos = nanos;
        try {
            Path temporary = file.resolveSibling("." + file.getFileName() + ".tmp");
            Files.writeString(temporary, text.get());
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot publish " + file, e);
        }
    }
}
