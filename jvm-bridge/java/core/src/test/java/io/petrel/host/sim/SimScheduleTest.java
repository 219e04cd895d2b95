package io.petrel.host.sim;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Random schedules of real executors, queues, collectors, groupers and ack buffers. {@code -Dpetrel.sim.seeds=N} runs
 * more, {@code -Dpetrel.sim.seed=S} runs one again.
 */
class SimScheduleTest {
    private static final int SCHEDULES = Integer.getInteger("petrel.sim.seeds", 10_000);
    private static final int FEW_SCHEDULES = 500;
    private static final int MUTANT_SCHEDULES = 500;

    @Test
    @Tag("slow")
    void schedulesKeepTheRules() {
        Long only = Long.getLong("petrel.sim.seed");
        if (only == null) {
            runAll(1, SCHEDULES);
        } else {
            run(only, Mutation.NONE);
        }
    }

    @Test
    void someSchedulesKeepTheRules() {
        runAll(1, FEW_SCHEDULES);
    }

    private static void runAll(long first, long last) {
        long[] sums = new long[10];
        for (long seed = first; seed <= last; seed++) {
            Model model = run(seed, Mutation.NONE);
            int[] counts = {
                model.acked, model.failed, model.executions, model.timeouts, model.foreignEmits, model.joins,
                model.refusals, model.blockedWaits, model.sections, model.linkRefusals
            };
            for (int i = 0; i < counts.length; i++) {
                sums[i] += counts[i];
            }
        }
        System.out.println((last - first + 1) + " schedules: acked, failed, executions, timed out, foreign emits,"
                + " joins, refusals, blocked waits, sections, refusals by links = " + Arrays.toString(sums));
        // The schedules must do something of everything to be worth anything.
        for (int i = 0; i < sums.length; i++) {
            assertTrue(sums[i] > (last - first) / 10, "count " + i + " of " + Arrays.toString(sums));
        }
    }

    private static Model run(long seed, Mutation mutation) {
        try {
            SimWorld world = new SimWorld(seed, mutation);
            world.run();
            return world.model;
        } catch (Violation | Exception e) {
            throw new AssertionError("seed " + seed + ": " + e.getMessage() + " (run it with -Dpetrel.sim.seed=" + seed
                    + ")", e);
        }
    }

    @Test
    void aSeedIsRepeatable() {
        for (long seed = 1; seed <= 20; seed++) {
            Model one = run(seed, Mutation.NONE);
            Model two = run(seed, Mutation.NONE);
            assertEquals(one.acked, two.acked);
            assertEquals(one.failed, two.failed);
            assertEquals(one.executions, two.executions);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "DROP, ALO", "DUPLICATE, AMO", "REORDER, ORD", "ACK_EARLY, ALO", "LOSE_COMPLETION, ALO", "WRONG_TASK, FG1",
        "LOSE_SECTION, DRAIN", "SWAP_SECTIONS, ORD"
    })
    void theCheckersFindPlantedFaults(Mutation mutation, String rule) throws Exception {
        Map<String, Integer> found = new TreeMap<>();
        for (long seed = 1; seed <= MUTANT_SCHEDULES; seed++) {
            try {
                SimWorld world = new SimWorld(seed, mutation);
                world.run();
            } catch (Violation violation) {
                found.merge(violation.getMessage().replaceAll(":.*", ""), 1, Integer::sum);
            }
        }
        if (found.getOrDefault(rule, 0) < MUTANT_SCHEDULES / 10) {
            fail(mutation + " was found by " + found + " of " + MUTANT_SCHEDULES + " schedules; expected " + rule);
        }
    }
}
