package io.petrel.host;

/** A marker on its way to an executor, in the place that it has among the tuples. */
final class MarkerBatch extends TupleBatch {
    private final Marker marker;

    MarkerBatch(Marker marker) {
        super(0, Marker.CHARGE);
        this.marker = marker;
    }

    Marker marker() {
        return marker;
    }
}
