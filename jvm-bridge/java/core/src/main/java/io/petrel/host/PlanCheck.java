package io.petrel.host;

import java.util.Map;
import java.util.TreeMap;

/** Compares the task ids of the plan with those that Storm's own code computes: the two must never differ. */
final class PlanCheck {
    private PlanCheck() {}

    /** @throws IllegalStateException that names the first difference */
    static void compare(Plan plan, Map<Integer, String> storm) {
        TreeMap<Integer, String> planned = new TreeMap<>();
        for (Plan.Component component : plan.components()) {
            for (int i = 0; i < component.tasks(); i++) {
                planned.put(component.firstTask() + i, component.name());
            }
        }
        planned.remove(Ticks.SYSTEM_TASK);
        TreeMap<Integer, String> expected = new TreeMap<>(storm);
        expected.remove(Ticks.SYSTEM_TASK);
        for (Map.Entry<Integer, String> entry : expected.entrySet()) {
            String found = planned.get(entry.getKey());
            if (!entry.getValue().equals(found)) {
                throw new IllegalStateException("the plan has task " + entry.getKey() + " in component " + found
                        + ", Storm has it in " + entry.getValue()
                        + "; the host does not start on a plan that is not Storm's");
            }
        }
        if (planned.size() != expected.size()) {
            throw new IllegalStateException("the plan has " + planned.size() + " tasks, Storm has " + expected.size()
                    + "; the host does not start on a plan that is not Storm's");
        }
    }
}
