package io.petrel.host;

/** Counts the times that an executor was told of new credit for tasks of other hosts. */
final class CreditNews {
    private volatile long number;

    long number() {
        return number;
    }

    /** Thread: one, that of the links. */
    void came() {
        number = number + 1;
    }
}
