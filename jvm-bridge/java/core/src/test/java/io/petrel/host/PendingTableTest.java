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

    /** A completion walks to the end of its run of slots, so runs must not grow with the number of pending roots. */
    @Test
    void runsStayShortHoweverManyRootsArePending() throws Exception {
        for (int pending : new int[] {30, 500, 4000, 32_700}) {
            PendingTable table = new PendingTable();
            List<RootIds> emitted =
                    List.of(new RootIds(3, 7, false), new RootIds(4, 7, false), new RootIds(4, 7, true));
            List<RootIds> acked = List.of(new RootIds(3, 7, false), new RootIds(4, 7, false), new RootIds(4, 7, true));
            for (int i = 0; i < pending; i++) {
                table.put(emitted.get(i % 3).next(), null, "m", cell, 0, null);
            }
            assertTrue(longestRun(table) <= 128, pending + " pending: a run of " + longestRun(table));
            for (int i = 0; i < 3 * pending; i++) {
                assertTrue(table.take(acked.get(i % 3).next()));
                table.put(emitted.get((i + pending) % 3).next(), null, "m", cell, 0, null);
            }
            assertTrue(longestRun(table) <= 128, pending + " pending: a run of " + longestRun(table) + " in time");
        }
    }

    private static int longestRun(PendingTable table) throws ReflectiveOperationException {
        java.lang.reflect.Field field = PendingTable.class.getDeclaredField("cells");
        field.setAccessible(true);
        OutCell[] cells = (OutCell[]) field.get(table);
        int longest = 0;
        // Twice round: a run may pass the end of the table.
        for (int i = 0, run = 0; i < 2 * cells.length; i++) {
            run = cells[i % cells.length] == null ? 0 : run + 1;
            longest = Math.max(longest, run);
        }
        return longest;
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
