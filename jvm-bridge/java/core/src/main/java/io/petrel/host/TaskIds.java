package io.petrel.host;

import java.util.AbstractList;
import java.util.Collections;
import java.util.List;
import java.util.RandomAccess;

/** The list of task ids that emit returns; boxes only what is looked at. */
final class TaskIds extends AbstractList<Integer> implements RandomAccess {
    static final List<Integer> EMPTY = Collections.emptyList();

    private final int[] ids;

    TaskIds(int[] ids, int n) {
        this.ids = java.util.Arrays.copyOf(ids, n);
    }

    @Override
    public Integer get(int i) {
        return ids[i];
    }

    @Override
    public int size() {
        return ids.length;
    }
}
