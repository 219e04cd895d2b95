package io.petrel.host;

import java.util.HashSet;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Which markers an executor has seen, and which it owes to those behind it. An executor that has the marker of every source
 * task of all its inputs has nothing more coming. Thread: the executor's.
 */
final class Drain {
    private static final Logger LOG = LoggerFactory.getLogger(Drain.class);

    private final Set<Integer> expected;
    private final Set<Integer> seen = new HashSet<>();
    private long epoch;
    private long due;
    private long sent;

    /** @param expected source tasks of all inputs; edges inside a cycle are not waited for */
    Drain(Set<Integer> expected) {
        this.expected = expected;
    }

    /** The host asks: who has no inputs to wait for begins. */
    void requested(long askedEpoch) {
        if (expected.isEmpty()) {
            due = Math.max(due, askedEpoch);
        }
    }

    /** A marker has come; those of an earlier epoch no longer count. */
    void came(Marker marker) {
        if (marker.kind() != Marker.DRAIN) {
            LOG.warn("A marker of kind {} from task {} is not known and ignored", marker.kind(), marker.sourceTask());
            return;
        }
        if (marker.epoch() < epoch || !expected.contains(marker.sourceTask())) {
            return;
        }
        if (marker.epoch() > epoch) {
            epoch = marker.epoch();
            seen.clear();
        }
        seen.add(marker.sourceTask());
        if (seen.size() == expected.size()) {
            due = Math.max(due, epoch);
        }
    }

    /** The epoch whose markers have to be sent; 0 = none. */
    long due() {
        return due > sent ? due : 0;
    }

    void sent(long epochSent) {
        sent = epochSent;
    }
}
