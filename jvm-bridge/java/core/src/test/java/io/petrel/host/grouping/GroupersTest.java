package io.petrel.host.grouping;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CountDownLatch;
import org.apache.storm.generated.GlobalStreamId;
import org.apache.storm.generated.Grouping;
import org.apache.storm.generated.NullStruct;
import org.apache.storm.grouping.CustomStreamGrouping;
import org.apache.storm.task.WorkerTopologyContext;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class GroupersTest {
    static final GlobalStreamId STREAM = new GlobalStreamId("source", "default");
    static final int[] TARGETS = {5, 6, 7, 9};

    static GroupingSpec spec(GroupingSpec.Kind kind, int[] targets, int[] local, boolean loadAware, long seed) {
        return new GroupingSpec(kind, new int[] {0}, targets, local, loadAware, new EveryOther(), null, STREAM, seed);
    }

    static Grouper grouper(GroupingSpec.Kind kind) {
        return Groupers.create(spec(kind, TARGETS, new int[0], false, 42));
    }

    /** Chooses every second target; remembers what it was prepared with. */
    static final class EveryOther implements CustomStreamGrouping {
        private static final long serialVersionUID = 1L;
        List<Integer> targets;
        int calls;

        @Override
        public void prepare(WorkerTopologyContext context, GlobalStreamId stream, List<Integer> targetTasks) {
            targets = targetTasks;
        }

        @Override
        public List<Integer> chooseTasks(int taskId, List<Object> values) {
            calls++;
            List<Integer> chosen = new ArrayList<>();
            for (int i = 0; i < targets.size(); i += 2) {
                chosen.add(targets.get(i));
            }
            return chosen;
        }
    }

    static int[] chosen(Grouper grouper, Object... values) {
        int[] out = new int[grouper.maxTargets()];
        int count = grouper.choose(1, Arrays.asList(values), out);
        return Arrays.copyOf(out, count);
    }

    // --- the contract of all -----------------------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource(value = GroupingSpec.Kind.class, names = "DIRECT", mode = EnumSource.Mode.EXCLUDE)
    void choosesOnlyTargetsAndAtMostOnce(GroupingSpec.Kind kind) {
        Set<Integer> targets = new HashSet<>();
        for (int target : TARGETS) {
            targets.add(target);
        }
        for (boolean loadAware : new boolean[] {false, true}) {
            Grouper grouper = Groupers.create(spec(kind, TARGETS, new int[] {6}, loadAware, 42));
            assertEquals(kind == GroupingSpec.Kind.GLOBAL || kind == GroupingSpec.Kind.LOCAL_OR_SHUFFLE ? 1 : 4,
                    grouper.maxTargets());
            for (int i = 0; i < 3000; i++) {
                Set<Integer> seen = new HashSet<>();
                for (int task : chosen(grouper, "key" + i)) {
                    assertTrue(targets.contains(task), kind + " chose " + task);
                    assertTrue(seen.add(task), kind + " chose " + task + " twice");
                }
                assertFalse(seen.isEmpty());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(value = GroupingSpec.Kind.class, names = "DIRECT", mode = EnumSource.Mode.EXCLUDE)
    void sameSeedSameChoices(GroupingSpec.Kind kind) {
        for (boolean loadAware : new boolean[] {false, true}) {
            Grouper one = Groupers.create(spec(kind, TARGETS, new int[0], loadAware, 42));
            Grouper two = Groupers.create(spec(kind, TARGETS, new int[0], loadAware, 42));
            for (int i = 0; i < 3000; i++) {
                assertArrayEquals(chosen(one, "key" + i), chosen(two, "key" + i), kind + " " + i);
            }
        }
    }

    @ParameterizedTest
    @EnumSource(GroupingSpec.Kind.class)
    void aComponentWithoutTasksGetsNothing(GroupingSpec.Kind kind) {
        Grouper grouper = Groupers.create(spec(kind, new int[0], new int[0], true, 1));
        assertEquals(0, grouper.maxTargets());
        if (kind != GroupingSpec.Kind.DIRECT) {
            assertEquals(0, chosen(grouper, "x").length);
        }
    }

    @ParameterizedTest
    @EnumSource(value = GroupingSpec.Kind.class, names = "DIRECT", mode = EnumSource.Mode.EXCLUDE)
    void oneTargetGetsEverything(GroupingSpec.Kind kind) {
        Grouper grouper = Groupers.create(spec(kind, new int[] {3}, new int[] {3}, true, 1));
        for (int i = 0; i < 10; i++) {
            assertArrayEquals(new int[] {3}, chosen(grouper, i));
        }
    }

    // --- each --------------------------------------------------------------------------------------------------------

    @Test
    void directCannotChoose() {
        Grouper grouper = grouper(GroupingSpec.Kind.DIRECT);
        assertTrue(grouper.isDirect());
        assertThrows(IllegalArgumentException.class, () -> chosen(grouper, "x"));
    }

    @Test
    void allAndGlobal() {
        assertArrayEquals(TARGETS, chosen(grouper(GroupingSpec.Kind.ALL), "x"));
        assertArrayEquals(new int[] {5}, chosen(grouper(GroupingSpec.Kind.GLOBAL), "x"));
    }

    static Map<Integer, Integer> shares(Grouper grouper, int tuples) {
        Map<Integer, Integer> shares = new TreeMap<>();
        for (int i = 0; i < tuples; i++) {
            for (int task : chosen(grouper, i)) {
                shares.merge(task, 1, Integer::sum);
            }
        }
        return shares;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7, 100})
    void plainShuffleGivesExactlyEqualShares(int size) {
        int[] targets = new int[size];
        for (int i = 0; i < size; i++) {
            targets[i] = 10 + i;
        }
        Grouper grouper = Groupers.create(spec(GroupingSpec.Kind.SHUFFLE, targets, targets, false, 9));
        for (int round = 0; round < 5; round++) {
            Map<Integer, Integer> shares = shares(grouper, size);
            assertEquals(size, shares.size());
            assertEquals(Set.of(1), new HashSet<>(shares.values()));
        }
    }

    @Test
    void loadAwareShuffleStartsNearlyEqual() {
        Grouper grouper = Groupers.create(spec(GroupingSpec.Kind.SHUFFLE, TARGETS, TARGETS, true, 9));
        assertTrue(grouper.usesLoad());
        assertEquals(Map.of(5, 250, 6, 250, 7, 250, 9, 250), shares(grouper, 1000));
    }

    @Test
    void loadAwareShuffleLeavesAFullQueueAndComesBackSlowly() {
        LoadAwareShuffleGrouper grouper = new LoadAwareShuffleGrouper(TARGETS, 9);
        LoadView sixIsFull = task -> task == 6 ? 0.9 : 0.1;
        grouper.refreshLoad(sixIsFull);
        assertEquals(90, grouper.weight(1));
        for (int i = 0; i < 20; i++) {
            grouper.refreshLoad(sixIsFull);
        }
        assertEquals(1, grouper.weight(1));
        Map<Integer, Integer> shares = shares(grouper, 1000);
        assertTrue(shares.get(6) >= 1 && shares.get(6) <= 5, "a full queue still gets a little: " + shares);
        assertTrue(shares.get(5) >= 330 && shares.get(7) >= 330 && shares.get(9) >= 330, shares.toString());
        // All within 0.05 of the smallest load: everybody gains 1.
        for (int i = 0; i < 9; i++) {
            grouper.refreshLoad(task -> task == 6 ? 0.14 : 0.1);
        }
        assertEquals(10, grouper.weight(1));
        assertEquals(100, grouper.weight(0));
        for (int i = 0; i < 200; i++) {
            grouper.refreshLoad(task -> 0);
        }
        assertEquals(Map.of(5, 250, 6, 250, 7, 250, 9, 250), shares(grouper, 1000));
    }

    @Test
    void loadAwareShuffleStaysInItsWorkerUntilThatIsLoaded() {
        LoadAwareShuffleGrouper grouper = new LoadAwareShuffleGrouper(TARGETS, new int[] {6, 9}, 0.8, 0.2, 9);
        assertEquals(Map.of(6, 500, 9, 500), shares(grouper, 1000));
        LoadView nearAt80 = task -> task == 6 || task == 9 ? 0.8 : 0;
        grouper.refreshLoad(nearAt80);
        assertEquals(Map.of(6, 500, 9, 500), shares(grouper, 1000), "not above the bound");
        grouper.refreshLoad(task -> task == 6 ? 1.0 : task == 9 ? 0.7 : 0.3);
        Map<Integer, Integer> all = shares(grouper, 1000);
        assertEquals(Set.of(5, 6, 7, 9), all.keySet());
        assertTrue(all.get(5) > all.get(6), all.toString());
        grouper.refreshLoad(task -> 0.2);
        assertEquals(4, shares(grouper, 1000).size(), "not below the bound");
        grouper.refreshLoad(task -> task == 6 || task == 9 ? 0.19 : 0);
        assertEquals(Map.of(6, 500, 9, 500), shares(grouper, 1000));
    }

    @Test
    void loadAwareShuffleWithoutTargetsInItsWorkerTakesAll() {
        Grouper grouper = Groupers.create(spec(GroupingSpec.Kind.SHUFFLE, TARGETS, new int[0], true, 9));
        assertEquals(Map.of(5, 250, 6, 250, 7, 250, 9, 250), shares(grouper, 1000));
        grouper.refreshLoad(task -> 0.9);
        assertEquals(4, shares(grouper, 1000).size());
    }

    @Test
    void loadAwareRingGrowsWithTheTargets() {
        int[] targets = new int[500];
        for (int i = 0; i < targets.length; i++) {
            targets[i] = i + 1;
        }
        Map<Integer, Integer> shares = shares(new LoadAwareShuffleGrouper(targets, 1), 2500);
        assertEquals(500, shares.size());
        assertEquals(Set.of(5), new HashSet<>(shares.values()));
    }

    @Test
    void noneIsUniform() {
        Map<Integer, Integer> shares = shares(grouper(GroupingSpec.Kind.NONE), 40_000);
        // Six standard deviations of a fair draw are 520.
        shares.forEach((task, share) -> assertTrue(Math.abs(share - 10_000) < 520, shares.toString()));
        assertEquals(4, shares.size());
    }

    @Test
    void localOrShufflePrefersThisWorker() {
        Grouper local = Groupers.create(
                spec(GroupingSpec.Kind.LOCAL_OR_SHUFFLE, TARGETS, new int[] {6, 9}, false, 1));
        assertEquals(Map.of(6, 50, 9, 50), shares(local, 100));
        Grouper none = Groupers.create(spec(GroupingSpec.Kind.LOCAL_OR_SHUFFLE, TARGETS, new int[0], false, 1));
        assertEquals(Map.of(5, 25, 6, 25, 7, 25, 9, 25), shares(none, 100));
    }

    @Test
    void executorsAndEdgesDoNotShareASeed() {
        Set<Long> seeds = new HashSet<>();
        for (int task = 1; task <= 50; task++) {
            for (String stream : new String[] {"default", "s", "st", ""}) {
                for (String target : new String[] {"count", "ream", "tream", ""}) {
                    assertTrue(seeds.add(Groupers.seed(7, task, stream, target)));
                }
            }
        }
        assertNotEquals(Groupers.seed(7, 1, "s", "t"), Groupers.seed(8, 1, "s", "t"));
        // What it is for: two tasks do not send their first tuples to the same target in step.
        int[] many = new int[64];
        Arrays.setAll(many, i -> i);
        int same = 0;
        for (int task = 1; task <= 64; task++) {
            int[] a = chosen(new ShuffleGrouper(many, Groupers.seed(7, task, "s", "t")), "x");
            int[] b = chosen(new ShuffleGrouper(many, Groupers.seed(7, task + 1, "s", "t")), "x");
            same += a[0] == b[0] ? 1 : 0;
        }
        assertTrue(same < 10, same + " of 64 neighbours start at the same target");
    }

    // --- custom ------------------------------------------------------------------------------------------------------

    static Grouper custom(CustomStreamGrouping grouping) {
        return Groupers.create(new GroupingSpec(
                GroupingSpec.Kind.CUSTOM, new int[0], TARGETS, TARGETS, false, grouping, null, STREAM, 0));
    }

    static CustomStreamGrouping answering(List<Integer> answer) {
        return new CustomStreamGrouping() {
            @Override
            public void prepare(WorkerTopologyContext context, GlobalStreamId stream, List<Integer> targetTasks) {}

            @Override
            public List<Integer> chooseTasks(int taskId, List<Object> values) {
                return answer;
            }
        };
    }

    @Test
    void customIsPreparedOnceWithSortedTargetsAndAskedOncePerTuple() {
        EveryOther grouping = new EveryOther();
        Grouper grouper = custom(grouping);
        assertEquals(List.of(5, 6, 7, 9), grouping.targets);
        assertArrayEquals(new int[] {5, 7}, chosen(grouper, "x"));
        assertEquals(1, grouping.calls);
    }

    @Test
    void customMayChooseNothingOrTooMuch() {
        assertEquals(0, chosen(custom(answering(List.of())), "x").length);
        Grouper many = custom(answering(List.of(5, 5, 6, 6, 7, 9)));
        int[] out = new int[4];
        int count = many.choose(1, List.of("x"), out);
        assertEquals(6, count);
        int[] all = new int[count];
        many.copyChosen(all);
        assertArrayEquals(new int[] {5, 5, 6, 6, 7, 9}, all);
        NullPointerException e =
                assertThrows(NullPointerException.class, () -> chosen(custom(answering(null)), "x"));
        assertTrue(e.getMessage().contains("chooseTasks returned null"), e.getMessage());
    }

    // --- threads -----------------------------------------------------------------------------------------------------

    @ParameterizedTest
    @EnumSource(value = GroupingSpec.Kind.class, names = {"SHUFFLE", "NONE", "FIELDS", "ALL", "LOCAL_OR_SHUFFLE"})
    void foreignThreadsNeverLeaveTheRange(GroupingSpec.Kind kind) throws Exception {
        Grouper grouper = Groupers.create(spec(kind, TARGETS, new int[0], true, 42));
        CountDownLatch start = new CountDownLatch(1);
        List<Throwable> failures = new ArrayList<>();
        List<Thread> threads = new ArrayList<>();
        for (int t = 0; t < 3; t++) {
            int number = t;
            Thread thread = new Thread(() -> {
                try {
                    start.await();
                    for (int i = 0; i < 100_000; i++) {
                        if (number == 0 && i % 100 == 0) {
                            int full = TARGETS[(i / 100) % 4];
                            grouper.refreshLoad(task -> task == full ? 1 : 0);
                        }
                        for (int task : chosen(grouper, i)) {
                            assertTrue(Arrays.binarySearch(TARGETS, task) >= 0, "chose " + task);
                        }
                    }
                } catch (Throwable e) {
                    synchronized (failures) {
                        failures.add(e);
                    }
                }
            });
            threads.add(thread);
            thread.start();
        }
        start.countDown();
        for (Thread thread : threads) {
            thread.join();
        }
        assertEquals(List.of(), failures);
    }

    // --- from Thrift -------------------------------------------------------------------------------------------------

    static GroupingSpec fromThrift(Grouping grouping, String... fields) {
        return GroupingSpec.fromThrift(
                grouping, List.of(fields), new int[] {9, 5}, new int[] {9}, true, g -> new EveryOther(), null, STREAM, 3);
    }

    @Test
    void everyArmOfTheUnion() {
        assertEquals(GroupingSpec.Kind.SHUFFLE, fromThrift(Grouping.shuffle(new NullStruct())).kind());
        assertEquals(GroupingSpec.Kind.ALL, fromThrift(Grouping.all(new NullStruct())).kind());
        assertEquals(GroupingSpec.Kind.NONE, fromThrift(Grouping.none(new NullStruct())).kind());
        assertEquals(GroupingSpec.Kind.DIRECT, fromThrift(Grouping.direct(new NullStruct())).kind());
        assertEquals(
                GroupingSpec.Kind.LOCAL_OR_SHUFFLE, fromThrift(Grouping.local_or_shuffle(new NullStruct())).kind());
        assertEquals(GroupingSpec.Kind.GLOBAL, fromThrift(Grouping.fields(List.of())).kind());
        assertEquals(GroupingSpec.Kind.CUSTOM, fromThrift(Grouping.custom_serialized(new byte[] {1})).kind());
        GroupingSpec fields = fromThrift(Grouping.fields(List.of("c", "a")), "a", "b", "c");
        assertArrayEquals(new int[] {2, 0}, fields.fields());
        assertArrayEquals(new int[] {5, 9}, fields.targets());
        IllegalArgumentException e = assertThrows(
                IllegalArgumentException.class, () -> fromThrift(Grouping.fields(List.of("x")), "a", "b"));
        assertTrue(e.getMessage().contains("'x'") && e.getMessage().contains("[a, b]"), e.getMessage());
        assertThrows(IllegalArgumentException.class, () -> fromThrift(new Grouping()));
    }
}
