package io.petrel.host;

/** Counts of one input stream of one writer. Written by the writer only; a reader may see it a moment late. */
final class InCell {
    final String component;
    final String stream;
    long acked;
    long failed;
    long executed;
    long executeNanos;
    long executeSamples;
    long processNanos;
    long processSamples;

    InCell(String component, String stream) {
        this.component = component;
        this.stream = stream;
    }
}
