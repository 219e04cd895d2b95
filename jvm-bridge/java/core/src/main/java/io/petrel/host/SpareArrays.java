package io.petrel.host;

/**
 * Byte arrays that are used again: one that has just been read is in the caches, a new one is cleared and brings the next
 * collection nearer. Holds a few, of bounded size; what does not fit is left to the collector. Thread: any.
 */
final class SpareArrays {
    private final int least;
    private final int most;
    private final byte[][] arrays;
    private int count;

    /**
     * @param least bytes of an array that is worth keeping
     * @param most bytes of the largest that is kept
     * @param arrays kept at most
     */
    SpareArrays(int least, int most, int arrays) {
        this.least = least;
        this.most = most;
        this.arrays = new byte[arrays][];
    }

    /** An array of at least so many bytes, with any content. */
    byte[] take(int bytes) {
        synchronized (this) {
            if (count != 0) {
                byte[] array = arrays[--count];
                arrays[count] = null;
                if (array.length >= bytes) {
                    return array;
                }
            }
        }
        return new byte[bytes];
    }

    /** Nobody else may have the array any more. */
    synchronized void keep(byte[] array) {
        if (array.length >= least && array.length <= most && count < arrays.length) {
            arrays[count++] = array;
        }
    }
}
