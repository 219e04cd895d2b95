package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.esotericsoftware.kryo.io.Input;
import com.esotericsoftware.kryo.io.Output;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.apache.storm.tuple.MessageId;
import org.junit.jupiter.api.Test;

class TupleIdTest {
    @Test
    void looksLikeStormsMessageId() throws Exception {
        TupleId id = TupleId.of(7, 9);
        assertEquals(Map.of(7L, 9L), id.getAnchorsToIds());
        assertEquals(Set.of(7L), id.getAnchors());
        MessageId storm = MessageId.makeRootId(7, 9);
        assertEquals(storm.toString(), id.toString());
        assertEquals(storm.hashCode(), id.hashCode());
        assertEquals(id, storm);
        Output out = new Output(100);
        id.serialize(out);
        assertEquals(storm, MessageId.deserialize(new Input(out.toBytes())));
        assertEquals(Map.of(), TupleId.NONE.getAnchorsToIds());
        assertEquals("{}", TupleId.NONE.toString());
    }

    @Test
    void settlesOnce() {
        TupleId id = TupleId.of(7, 9);
        assertTrue(id.settle());
        assertFalse(id.settle());
    }

    @Test
    void rootsOfManyAnchorsAreMergedAsInStorm() {
        Random random = new Random(3);
        RootSet roots = new RootSet();
        for (int round = 0; round < 300; round++) {
            roots.clear();
            Map<Long, Long> expected = new HashMap<>();
            int different = 1 + random.nextInt(200);
            for (int i = 0, n = random.nextInt(300); i < n; i++) {
                long root = random.nextInt(different);
                long edge = random.nextLong();
                MessageId anchor = random.nextInt(5) == 0 ? MessageId.makeRootId(root, 1) : TupleId.of(root, 1);
                roots.addAll(anchor, edge);
                expected.merge(root, edge, (a, b) -> a ^ b);
            }
            assertEquals(expected, roots.toId().getAnchorsToIds());
        }
    }

    @Test
    void edgeIdsOfTwoGeneratorsDoNotMeet() {
        java.util.function.LongSupplier seeds = new java.util.Random(7)::nextLong;
        EdgeIds a = EdgeIds.seeded(seeds);
        EdgeIds b = EdgeIds.seeded(seeds);
        Set<Long> seen = new HashSet<>();
        for (int i = 0; i < 100_000; i++) {
            assertTrue(seen.add(a.next()));
            assertTrue(seen.add(b.next()));
        }
        assertFalse(seen.contains(0L));
        assertTrue(new EdgeIds(0, 0).next() != 0);
    }

    @Test
    void rootIdsHaveTheirPlaces() {
        RootIds ids = new RootIds(RootIds.MAX_TASK, 1025, false);
        long first = ids.next();
        assertEquals(RootIds.MAX_TASK, RootIds.task(first));
        assertEquals(1, (first >>> 36) & 1023, "incarnation modulo 1024");
        assertEquals(1, first & ((1L << 36) - 1));
        assertEquals(2, ids.next() & ((1L << 36) - 1));
        assertEquals((1L << 35) + 1, new RootIds(1, 0, true).next() & ((1L << 36) - 1));
    }
}
