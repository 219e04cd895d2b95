package io.petrel.host.sim;

import io.petrel.host.Executor;
import io.petrel.host.SimBridge;
import io.petrel.host.TaskLinks;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.function.IntFunction;

/**
 * The links between the hosts of a schedule, by the rules of docs/links.md: flows with credit whose sections arrive in their
 * order, late, and interleaved with others anyhow; who was refused hears of credit later.
 */
final class SimLinks {
    private record Section(int source, int task, boolean marker, int count, byte[] bytes) {}

    private static final class Flow {
        final int host;
        final int executor;
        final int lane;
        final ArrayDeque<Section> onTheWay = new ArrayDeque<>();
        /** First tasks of executors that were refused. */
        final Set<Integer> refused = new LinkedHashSet<>();
        long outstanding;

        Flow(int host, int executor, int lane) {
            this.host = host;
            this.executor = executor;
            this.lane = lane;
        }
    }

    private final Random random;
    private final Mutation mutation;
    private final long window;
    private final IntFunction<Executor> executorOf;
    private final List<Flow> flows = new ArrayList<>();
    private final Set<Integer> creditFor = new LinkedHashSet<>();
    int sections;
    int refusals;

    /**
     * @param window bytes that a flow may have outstanding
     * @param executorOf the executor of a task
     */
    SimLinks(Random random, Mutation mutation, long window, IntFunction<Executor> executorOf) {
        this.random = random;
        this.mutation = mutation;
        this.window = window;
        this.executorOf = executorOf;
    }

    /** The links as one host sees them. */
    TaskLinks of(int host) {
        return new TaskLinks() {
            @Override
            public int offer(int sourceExecutor, int sourceTask, int destinationTask, int lane, int kind, int count,
                    byte[] data, int offset, int length, boolean more) {
                Flow flow = flow(host, executorOf.apply(destinationTask).spec().firstTask(), lane);
                boolean marker = kind == MARKER;
                if (marker == (count > 0) || length <= 0) {
                    throw new Violation("BORDER", "a section of kind " + kind + " with " + count + " tuples");
                }
                boolean room = flow.outstanding + length <= window || flow.outstanding == 0;
                if (lane == 0 && !room) {
                    flow.refused.add(sourceExecutor);
                    refusals++;
                    return NO_CREDIT;
                }
                flow.outstanding += length;
                sections++;
                boolean lost = mutation == Mutation.LOSE_SECTION && sections % 20 == 0;
                if (!lost) {
                    flow.onTheWay.add(new Section(sourceTask, destinationTask, marker, count,
                            Arrays.copyOfRange(data, offset, offset + length)));
                }
                return TAKEN;
            }

            @Override
            public void consumed(long flowLow, long flowHigh, int bytes) {
                if (flowHigh != ~flowLow) {
                    throw new Violation("BORDER", "a flow came back changed");
                }
                Flow flow = flows.get((int) flowLow);
                flow.outstanding -= bytes;
                if (flow.outstanding < 0) {
                    throw new Violation("CREDIT", "more was consumed than was sent");
                }
                creditFor.addAll(flow.refused);
                flow.refused.clear();
            }

            @Override
            public void loads(int[] tasks, int[] fills) {
                for (int i = 0; i < tasks.length; i++) {
                    fills[i] = random.nextInt(65_536);
                }
            }
        };
    }

    private Flow flow(int host, int executor, int lane) {
        for (Flow flow : flows) {
            if (flow.host == host && flow.executor == executor && flow.lane == lane) {
                return flow;
            }
        }
        flows.add(new Flow(host, executor, lane));
        return flows.get(flows.size() - 1);
    }

    /** Some sections arrive, and some news of credit. True when anything did. */
    boolean pump(int most) {
        boolean any = false;
        for (int n = most; n > 0 && !flows.isEmpty(); n--) {
            any |= arrive(random.nextInt(flows.size()));
        }
        if (!creditFor.isEmpty() && random.nextInt(3) != 0) {
            tellCredit();
            any = true;
        }
        return any;
    }

    /** Everything that is on the way arrives. */
    boolean pumpAll() {
        boolean any = !creditFor.isEmpty();
        tellCredit();
        for (int i = 0; i < flows.size(); i++) {
            while (arrive(i)) {
                any = true;
            }
        }
        return any;
    }

    private void tellCredit() {
        List<Integer> told = new ArrayList<>(creditFor);
        creditFor.clear();
        for (int executor : told) {
            SimBridge.creditCame(executorOf.apply(executor));
        }
    }

    private boolean arrive(int index) {
        Flow flow = flows.get(index);
        Section section = flow.onTheWay.poll();
        if (section == null) {
            return false;
        }
        if (mutation == Mutation.SWAP_SECTIONS && !flow.onTheWay.isEmpty()) {
            Section later = flow.onTheWay.poll();
            flow.onTheWay.addFirst(section);
            section = later;
        }
        SimBridge.deliver(executorOf.apply(section.task), index, ~(long) index, section.source, section.task,
                section.marker, section.count, section.bytes);
        return true;
    }

    /** True when every flow would take so many bytes more without asking. */
    boolean hasRoom(long bytes) {
        return flows.stream().allMatch(flow -> flow.outstanding + bytes <= window) && bytes <= window;
    }

    boolean isQuiet() {
        return creditFor.isEmpty() && flows.stream().allMatch(flow -> flow.onTheWay.isEmpty());
    }
}
