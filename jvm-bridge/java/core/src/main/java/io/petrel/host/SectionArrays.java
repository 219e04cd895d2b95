package io.petrel.host;

/**
 * The arrays of sections from other hosts: those of the usual sizes are used again, in two classes, so that an array is
 * at most twice as long as its section. Thread: any.
 */
final class SectionArrays {
    /** A full batch, and one with a tuple of 64 KiB. */
    private static final int[] CLASSES = {48 * 1024, 128 * 1024};

    /** As many as one executor is granted of each (4 MiB). If fewer were, a queue that fills and empties would make new ones. */
    private static final int[] KEPT = {128, 64};

    private final SpareArrays[] spares = new SpareArrays[CLASSES.length];

    /** @param mostBytes that may lie here unused */
    SectionArrays(long mostBytes) {
        for (int i = 0; i < CLASSES.length; i++) {
            long share = mostBytes / CLASSES.length / CLASSES[i];
            spares[i] = new SpareArrays(CLASSES[i], CLASSES[i], (int) Math.min(KEPT[i], share));
        }
    }

    /** An array for a section of so many bytes, with any content. */
    byte[] take(int bytes) {
        for (int i = 0; i < CLASSES.length; i++) {
            if (bytes <= CLASSES[i] && bytes >= CLASSES[i] / 2) {
                return spares[i].take(CLASSES[i]);
            }
        }
        return new byte[bytes];
    }

    /** The section has been read, and nobody else has the array. */
    void keep(byte[] array) {
        for (SpareArrays spare : spares) {
            spare.keep(array);
        }
    }
}
