package io.petrel.topologies.faults;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** A fault of user code that happens once in the life of a topology: a marker file says that it has happened. */
final class Fault implements java.io.Serializable {
    private static final long serialVersionUID = 1;
    private final String mode;
    private final String marker;

    Fault(String mode, String folder) {
        this.mode = mode;
        this.marker = folder + "/happened";
    }

    /** True once, for the caller whose turn it is in this mode. */
    boolean now(String place) {
        if (!mode.equals(place) || Files.exists(Path.of(marker))) {
            return false;
        }
        try {
            Files.createFile(Path.of(marker));
            return true;
        } catch (FileAlreadyExistsException e) {
            return false;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    void throwNow(String place) {
        if (now(place)) {
            throw new IllegalStateException("planted in " + place);
        }
    }

    /** The ways to end or block a process from user code. */
    void endNow() {
        if (now("exit")) {
            System.exit(3);
        } else if (now("halt")) {
            Runtime.getRuntime().halt(4);
        } else if (now("endless-loop")) {
            while (true) {
                Thread.onSpinWait();
            }
        } else if (now("heap")) {
            List<byte[]> kept = new ArrayList<>();
            while (true) {
                kept.add(new byte[16 << 20]);
            }
        } else if (now("stack")) {
            recurse(0);
        }
    }

    private static long recurse(long depth) {
        return depth < 0 ? depth : recurse(depth + 1) + recurse(depth + 2);
    }
}
