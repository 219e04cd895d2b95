package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PendingTableTest {
    private final OutCell cell = new OutCell("default");

    @Test
    void agreesWithAMapOverRandomHistories() {
        Random random = new Random(11);
        for (int round = 0; round < 40; round++) {
            PendingTable table = new PendingTable();
            Map<Long, String> reference = new HashMap<>();
            List<Long> live = new ArrayList<>();
            RootIds a = new RootIds(3, round, false);
            RootIds b = new RootIds(4, round, false);
            for (int i = 0; i < 3000; i++) {
                if (live.isEmpty() || random.nextInt(100) < 55) {
                    long root = (random.nextBoolean() ? a : b).next();
                    table.put(root, null, "m" + root, cell, i, null);
                    reference.put(root, "m" + root);
                    live.add(root);
                } else {
                    long root = live.remove(random.nextInt(Math.min(live.size(), 50)));
                    assertTrue(table.take(root));
                    assertEquals(reference.remove(root), table.messageId);
                    assertFalse(table.take(root), "a root is taken once");
                }
                assertEquals(reference.size(), table.size());
            }
            for (long root : live) {
                assertTrue(table.take(root));
            }
            assertEquals(0, table.size());
        }
    }

    /** The usual case: what a task emits is in the ring, however much of it is pending. */
    @Test
    void theRootsOfATaskAreInTheRing() {
        for (int pending : new int[] {1, 30, 500, 10_000, 300_000}) {
            PendingTable table = new PendingTable();
            RootIds emitted = new RootIds(3, 7, false);
            RootIds acked = new RootIds(3, 7, false);
            for (int i = 0; i < pending; i++) {
                table.put(emitted.next(), null, i, cell, 0, null);
            }
            for (int i = 0; i < 3 * pending; i++) {
                assertTrue(table.take(acked.next()));
                assertEquals(i, table.messageId);
                table.put(emitted.next(), null, i + pending, cell, 0, null);
            }
            assertEquals(pending, table.size());
            assertEquals(0, table.scattered());
        }
    }

    /** A few roots that never end must not make the ring grow with all that come after them. */
    @Test
    void stragglersCostOnePlaceEach() throws Exception {
        PendingTable table = new PendingTable();
        RootIds ids = new RootIds(3, 7, false);
        List<Long> stragglers = new ArrayList<>();
        for (int i = 0; i < 100_000; i++) {
            long root = ids.next();
            table.put(root, null, root, cell, 0, null);
            if (i % 10_000 == 0) {
                stragglers.add(root);
            } else {
                assertTrue(table.take(root));
                assertEquals(root, table.messageId);
            }
        }
        assertEquals(stragglers.size(), table.size());
        java.lang.reflect.Field ring = PendingTable.class.getDeclaredField("ring");
        ring.setAccessible(true);
        assertEquals(64, ((PendingColumns) ring.get(table)).capacity());
        for (long root : stragglers) {
            assertTrue(table.take(root));
        }
    }

    /** A removal walks to the end of its run of slots, so runs must not grow with the number of roots. */
    @Test
    void runsOfScatteredRootsStayShort() {
        PendingColumns.Row row = new PendingColumns.Row();
        for (int pending : new int[] {30, 500, 4000, 32_700}) {
            ScatteredRoots table = new ScatteredRoots();
            List<RootIds> emitted =
                    List.of(new RootIds(3, 7, false), new RootIds(4, 7, false), new RootIds(4, 7, true));
            List<RootIds> acked = List.of(new RootIds(3, 7, false), new RootIds(4, 7, false), new RootIds(4, 7, true));
            for (int i = 0; i < pending; i++) {
                table.put(emitted.get(i % 3).next(), 1, "m", 0, null);
            }
            assertTrue(table.longestRun() <= 128, pending + " pending: a run of " + table.longestRun());
            for (int i = 0; i < 3 * pending; i++) {
                assertTrue(table.take(acked.get(i % 3).next(), row));
                table.put(emitted.get((i + pending) % 3).next(), 1, "m", 0, null);
            }
            assertTrue(table.longestRun() <= 128, pending + " pending: a run of " + table.longestRun() + " in time");
        }
    }

    /** Each root comes back with the task and the stream that it was put with. */
    @Test
    void keepsTheOriginOfARoot() {
        PendingTable table = new PendingTable();
        RootIds ids = new RootIds(3, 7, false);
        List<OutCell> streams = new ArrayList<>();
        for (int i = 0; i < 20; i++) {
            streams.add(new OutCell("s" + i));
        }
        for (int i = 0; i < 200; i++) {
            table.put(ids.next(), null, i, streams.get(i * 7 % 20), 0, null);
        }
        RootIds again = new RootIds(3, 7, false);
        for (int i = 0; i < 200; i++) {
            assertTrue(table.take(again.next()));
            assertEquals(streams.get(i * 7 % 20), table.cell);
        }
    }

    @Test
    void keepsWhatBelongsToARoot() {
        PendingTable table = new PendingTable();
        table.put(5, null, null, cell, 77, "values");
        table.put(5 + 64, null, "other", cell, 78, null);
        assertTrue(table.take(5));
        assertEquals(null, table.messageId);
        assertEquals(77, table.emitted);
        assertEquals("values", table.value);
        assertTrue(table.take(5 + 64));
        assertEquals("other", table.messageId);
        assertFalse(table.take(6));
    }
}
