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
