package io.petrel.host;

import io.petrel.host.grouping.Grouper;
import java.util.Map;

/** Where the tuples of one output stream go. One per writer; the groupers may be shared. */
final class Route {
    final String stream;
    /** The name that user code asked with the last time: the same object in most calls, but not the plan's. */
    String asked;
    /** The stream's number in batches to other hosts; -1 when there are none. */
    final int index;
    final Grouper[] groupers;
    /** The grouper of each subscribing component. */
    final Map<String, Grouper> byComponent;
    final boolean direct;
    final int maxTargets;
    final OutCell cell;

    Route(String stream, int index, Map<String, Grouper> byComponent) {
        this.stream = stream;
        this.index = index;
        this.byComponent = byComponent;
        this.groupers = byComponent.values().toArray(new Grouper[0]);
        boolean anyDirect = false;
        int targets = 0;
        for (Grouper grouper : groupers) {
            anyDirect |= grouper.isDirect();
            targets += grouper.maxTargets();
        }
        this.direct = anyDirect;
        this.maxTargets = targets;
        this.cell = new OutCell(stream);
    }
}
