package io.petrel.host;

/**
 * The pending roots that have no place in the ring of {@link PendingTable}, however far apart. Open addressing. Thread: the
 * executor's.
 */
final class ScatteredRoots {
    private PendingColumns columns = new PendingColumns(64);
    private int size;

    int size() {
        return size;
    }

    void put(long root, int origin, Object messageId, long emitted, Object value) {
        if (2 * (size + 1) > columns.capacity()) {
            grow();
        }
        columns.set(free(root), root, origin, messageId, emitted, value);
        size++;
    }

    /** Removes a root and copies what was known of it to {@code found}; false when it is not here. */
    boolean take(long root, PendingColumns.Row found) {
        int mask = columns.capacity() - 1;
        for (int i = slot(root, mask); columns.isTaken(i); i = (i + 1) & mask) {
            if (columns.root(i) == root) {
                columns.get(i, found);
                closeGap(i, mask);
                size--;
                return true;
            }
        }
        return false;
    }

    /** Slots of the longest run, which a removal may have to walk. */
    int longestRun() {
        int longest = 0;
        // Twice round: a run may pass the end of the table.
        for (int i = 0, run = 0; i < 2 * columns.capacity(); i++) {
            run = columns.isTaken(i % columns.capacity()) ? run + 1 : 0;
            longest = Math.max(longest, run);
        }
        return longest;
    }

    private int free(long root) {
        int mask = columns.capacity() - 1;
        int i = slot(root, mask);
        while (columns.isTaken(i)) {
            i = (i + 1) & mask;
        }
        return i;
    }

    /** Moves later entries of the run back, so that searches need no marks of the deleted. */
    private void closeGap(int gap, int mask) {
        int hole = gap;
        for (int i = (gap + 1) & mask; columns.isTaken(i); i = (i + 1) & mask) {
            int home = slot(columns.root(i), mask);
            if (((i - home) & mask) >= ((i - hole) & mask)) {
                columns.move(i, columns, hole);
                hole = i;
            }
        }
        columns.clear(hole);
    }

    private void grow() {
        PendingColumns old = columns;
        columns = new PendingColumns(2 * old.capacity());
        for (int i = 0; i < old.capacity(); i++) {
            if (old.isTaken(i)) {
                old.move(i, columns, free(old.root(i)));
            }
        }
    }

    /**
     * Eight consecutive roots are neighbours, the eights are spread by the golden ratio: the roots of a task in one long
     * run would make closeGap walk over all of them at every completion.
     */
    private static int slot(long root, int mask) {
        int eights = 32 - Integer.numberOfLeadingZeros(mask >>> 3);
        long spread = (root >>> 3) * 0x9E3779B97F4A7C15L >>> (64 - eights);
        return (int) spread << 3 | (int) root & 7;
    }
}
