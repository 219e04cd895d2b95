package io.petrel.host;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CyclesTest {
    @Test
    void onlyEdgesInsideACycleAreInner() {
        Cycles cycles = new Cycles(Map.of("spout", List.of("a"), "a", List.of("b"), "b", List.of("a", "c"), "c",
                List.of("c", "d"), "d", List.of()));
        assertFalse(cycles.inner("spout", "a"));
        assertTrue(cycles.inner("a", "b"));
        assertTrue(cycles.inner("b", "a"));
        assertFalse(cycles.inner("b", "c"));
        assertTrue(cycles.inner("c", "c"), "an edge to itself");
        assertFalse(cycles.inner("d", "d"));
        assertFalse(cycles.inner("c", "d"));
    }

    @Test
    void agreesWithReachabilityOnRandomGraphs() {
        Random random = new Random(5);
        for (int round = 0; round < 300; round++) {
            int n = 1 + random.nextInt(8);
            Map<String, List<String>> graph = new HashMap<>();
            for (int i = 0; i < n; i++) {
                List<String> to = new ArrayList<>();
                for (int j = 0; j < n; j++) {
                    if (random.nextInt(4) == 0) {
                        to.add("" + j);
                    }
                }
                graph.put("" + i, to);
            }
            Cycles cycles = new Cycles(graph);
            for (String from : graph.keySet()) {
                for (String to : graph.get(from)) {
                    assertEquals(reaches(graph, to, from), cycles.inner(from, to), from + "->" + to + " in " + graph);
                }
            }
        }
    }

    private static boolean reaches(Map<String, List<String>> graph, String from, String to) {
        Set<String> seen = new HashSet<>();
        List<String> open = new ArrayList<>(List.of(from));
        while (!open.isEmpty()) {
            String at = open.remove(open.size() - 1);
            if (at.equals(to)) {
                return true;
            }
            if (seen.add(at)) {
                open.addAll(graph.get(at));
            }
        }
        return false;
    }

    @Test
    void aLongChainDoesNotOverflowTheStack() {
        Map<String, List<String>> chain = new HashMap<>();
        for (int i = 0; i < 50_000; i++) {
            chain.put("c" + i, List.of("c" + (i + 1)));
        }
        chain.put("c50000", List.of("c0"));
        assertTrue(new Cycles(chain).inner("c50000", "c0"));
    }
}
