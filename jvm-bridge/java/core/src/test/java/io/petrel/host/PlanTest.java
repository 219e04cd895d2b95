package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.testkit.PlanBytes;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PlanTest {
    private static final Map<Integer, String> TASKS = Map.of(1, "__acker", 2, "bolt", 3, "bolt", 4, "bolt", 5, "spout");

    private static byte[] bytes() {
        return PlanBytes.of(TASKS, List.of("spout"), Map.of("bolt", 2));
    }

    @Test
    void readsWhatWasWritten() {
        Plan plan = Plan.read(bytes());
        assertEquals("test-1-1700000000", plan.topologyId());
        assertEquals(6700, plan.port());
        assertEquals(new Plan.Component("bolt", false, false, 2, 3, 2, ""), plan.components().get(1));
        assertTrue(plan.components().get(0).system());
        assertEquals(
                List.of(
                        new Plan.LocalExecutor("__acker", 1, 1), new Plan.LocalExecutor("bolt", 2, 3),
                        new Plan.LocalExecutor("bolt", 4, 4), new Plan.LocalExecutor("spout", 5, 5)),
                plan.executors());
        assertEquals(5, plan.containers().get(0).tasks().length);
    }

    @Test
    void everyShorterPlanIsRefusedWithASentence() {
        byte[] bytes = bytes();
        for (int length = 0; length < bytes.length; length++) {
            byte[] cut = Arrays.copyOf(bytes, length);
            IllegalArgumentException e = assertThrows(IllegalArgumentException.class, () -> Plan.read(cut));
            assertTrue(e.getMessage().contains("plan"), e.getMessage());
        }
        byte[] longer = Arrays.copyOf(bytes, bytes.length + 1);
        assertThrows(IllegalArgumentException.class, () -> Plan.read(longer));
    }

    @Test
    void randomDamageNeverDoesMoreThanRefuse() {
        Random random = new Random(2);
        for (int i = 0; i < 20_000; i++) {
            byte[] bytes = bytes();
            for (int n = 1 + random.nextInt(4); n > 0; n--) {
                bytes[random.nextInt(bytes.length)] = (byte) random.nextInt();
            }
            try {
                Plan.read(bytes);
            } catch (IllegalArgumentException e) {
                assertTrue(e.getMessage().length() < 300);
            }
        }
    }

    @Test
    void anotherVersionIsNamed() {
        byte[] bytes = bytes();
        bytes[3] = 9;
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Plan.read(bytes)).getMessage()
                .contains("plan version 9; this host reads version 2"));
    }

    @Test
    void taskIdsMustBeStorms() {
        Plan plan = Plan.read(bytes());
        PlanCheck.compare(plan, TASKS);
        IllegalStateException moved = assertThrows(
                IllegalStateException.class,
                () -> PlanCheck.compare(
                        plan, Map.of(1, "__acker", 2, "bolt", 3, "bolt", 4, "spout", 5, "spout")));
        assertTrue(moved.getMessage().contains("task 4 in component bolt, Storm has it in spout"), moved.getMessage());
        assertThrows(IllegalStateException.class, () -> PlanCheck.compare(plan, Map.of(1, "__acker")));
    }
}
