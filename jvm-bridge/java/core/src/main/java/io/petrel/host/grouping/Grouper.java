package io.petrel.host.grouping;

import java.util.List;

/**
 * Chooses the tasks of one subscribing component for the tuples of one stream.
 *
 * <p>One instance per (executor, stream, subscribing component), shared by the tasks of the executor, as in Storm.
 *
 * <p>Threads: the executor thread, and at the same time foreign threads that emit. Our groupers then stay correct; only
 * the exact equality of shuffle's shares is lost. A custom grouping is the user's and gets the same treatment as in Storm.
 */
public interface Grouper {
    /**
     * Writes the chosen task ids to {@code out} and returns how many it chose.
     *
     * <p>{@code out} has room for {@link #maxTargets()} ids. Only a custom grouping may choose more (it may name a task
     * twice): then the returned number is larger than {@code out.length}, and {@link #copyChosen} gives all of them.
     *
     * @throws IllegalArgumentException for a direct grouping, with Storm's text
     */
    int choose(int sourceTask, List<Object> values, int[] out);

    /** How many targets there are. */
    int maxTargets();

    /** After a {@link #choose} by the same thread that returned more than {@code out.length}. */
    default void copyChosen(int[] out) {
        throw new IllegalStateException("only a custom grouping chooses more tasks than it has targets");
    }

    /** Called every second or so by one thread when {@link #usesLoad()}. */
    default void refreshLoad(LoadView load) {}

    default boolean usesLoad() {
        return false;
    }

    /** True for a direct grouping: only emitDirect reaches its tasks. */
    default boolean isDirect() {
        return false;
    }
}
