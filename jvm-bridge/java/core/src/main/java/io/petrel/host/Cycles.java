package io.petrel.host;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Which components are in a cycle with each other (strongly connected components, Tarjan without recursion). */
final class Cycles {
    private final Map<String, Integer> group = new HashMap<>();
    private final Map<String, List<String>> targets;
    private final Map<String, Integer> index = new HashMap<>();
    private final Map<String, Integer> low = new HashMap<>();
    private final ArrayDeque<String> stack = new ArrayDeque<>();
    private int next;

    /** @param targets components to the components that subscribe to them */
    Cycles(Map<String, List<String>> targets) {
        this.targets = targets;
        for (String component : new ArrayList<>(targets.keySet())) {
            if (!index.containsKey(component)) {
                visit(component);
            }
        }
    }

    /** True for an edge inside a cycle; an edge from a component to itself is one. */
    boolean inner(String from, String to) {
        Integer a = group.get(from);
        return a != null && a.equals(group.get(to)) && (!from.equals(to) || of(from).contains(from));
    }

    /** The number of the cycle that the component is in, -1 outside of all: they are counted in order of their first names. */
    int number(String component) {
        TreeMap<String, Integer> firstNames = new TreeMap<>();
        Map<Integer, String> first = new HashMap<>();
        for (Map.Entry<String, Integer> entry : group.entrySet()) {
            if (isInCycle(entry.getKey())) {
                first.merge(entry.getValue(), entry.getKey(), (a, b) -> a.compareTo(b) < 0 ? a : b);
            }
        }
        first.values().forEach(name -> firstNames.put(name, 0));
        return isInCycle(component) ? firstNames.headMap(first.get(group.get(component))).size() : -1;
    }

    private boolean isInCycle(String component) {
        return of(component).stream().anyMatch(to -> inner(component, to));
    }

    private List<String> of(String component) {
        return targets.getOrDefault(component, List.of());
    }

    private void visit(String root) {
        ArrayDeque<String> path = new ArrayDeque<>();
        Map<String, Integer> position = new HashMap<>();
        enter(root, path);
        while (!path.isEmpty()) {
            String at = path.peek();
            int i = position.merge(at, 1, Integer::sum) - 1;
            List<String> successors = of(at);
            if (i < successors.size()) {
                String to = successors.get(i);
                if (!index.containsKey(to)) {
                    enter(to, path);
                } else if (!group.containsKey(to)) {
                    low.merge(at, index.get(to), Math::min);
                }
            } else {
                leave(at, path);
            }
        }
    }

    private void enter(String component, ArrayDeque<String> path) {
        index.put(component, next);
        low.put(component, next);
        next++;
        stack.push(component);
        path.push(component);
    }

    private void leave(String component, ArrayDeque<String> path) {
        path.pop();
        if (low.get(component).equals(index.get(component))) {
            String member;
            do {
                member = stack.pop();
                group.put(member, index.get(component));
            } while (!member.equals(component));
        }
        if (!path.isEmpty()) {
            low.merge(path.peek(), low.get(component), Math::min);
        }
    }
}
