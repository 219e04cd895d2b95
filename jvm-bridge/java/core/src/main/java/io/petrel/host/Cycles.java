package io.petrel.host;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

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
