package io.petrel.host;

/** Counts of one output stream of one writer. Written by the writer only; a reader may see it a moment late. */
final class OutCell {
    final String stream;
    long emitted;
    long transferred;
    long acked;
    long failed;
    long completeNanos;
    long completeSamples;

    OutCell(String stream) {
        this.stream = stream;
    }
}
