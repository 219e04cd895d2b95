package io.petrel.host.grouping;

import java.util.ArrayList;
import java.util.List;
import org.apache.storm.grouping.CustomStreamGrouping;

/** The user's own grouping (custom object, custom serialised, partial key). It may choose nothing, or a task twice. */
final class CustomGrouper implements Grouper {
    private final CustomStreamGrouping grouping;
    private final int targets;
    // Only when a choice did not fit; per thread because foreign threads emit too.
    private final ThreadLocal<List<Integer>> unfit = new ThreadLocal<>();

    private CustomGrouper(CustomStreamGrouping grouping, int targets) {
        this.grouping = grouping;
        this.targets = targets;
    }

    static CustomGrouper prepare(GroupingSpec spec) {
        List<Integer> targets = new ArrayList<>(spec.targets().length);
        for (int target : spec.targets()) {
            targets.add(target);
        }
        spec.custom().prepare(spec.context(), spec.stream(), targets);
        return new CustomGrouper(spec.custom(), targets.size());
    }

    @Override
    public int choose(int sourceTask, List<Object> values, int[] out) {
        List<Integer> chosen = grouping.chooseTasks(sourceTask, values);
        if (chosen == null) {
            throw new NullPointerException(grouping.getClass().getName()
                    + ".chooseTasks returned null; return an empty list to send the tuple to nobody");
        }
        int count = chosen.size();
        if (count > out.length) {
            unfit.set(chosen);
            return count;
        }
        copy(chosen, out);
        return count;
    }

    @Override
    public void copyChosen(int[] out) {
        copy(unfit.get(), out);
        unfit.remove();
    }

    private static void copy(List<Integer> chosen, int[] out) {
        for (int i = 0; i < chosen.size(); i++) {
            out[i] = chosen.get(i);
        }
    }

    @Override
    public int maxTargets() {
        return targets;
    }
}
