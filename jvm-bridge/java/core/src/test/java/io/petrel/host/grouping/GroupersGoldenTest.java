package io.petrel.host.grouping;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.petrel.host.vectors.Vectors;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.storm.Config;
import org.apache.storm.daemon.GrouperFactory;
import org.apache.storm.generated.Grouping;
import org.apache.storm.generated.NullStruct;
import org.apache.storm.generated.StormTopology;
import org.apache.storm.grouping.CustomStreamGrouping;
import org.apache.storm.grouping.LoadAwareCustomStreamGrouping;
import org.apache.storm.grouping.PartialKeyGrouping;
import org.apache.storm.task.WorkerTopologyContext;
import org.apache.storm.tuple.Fields;
import org.apache.storm.utils.Utils;
import org.junit.jupiter.api.Test;

/** Our choices against those of storm-client's own groupers, on the same tuples. */
class GroupersGoldenTest {
    private static final List<String> FIELDS = List.of("a", "b", "c");

    /** Enough for groupings that ask for the fields of their stream. */
    private static final WorkerTopologyContext CONTEXT = new WorkerTopologyContext(
            new StormTopology(Map.of(), Map.of(), Map.of()),
            Map.of(),
            Map.of(),
            Map.of(),
            Map.of("source", Map.of("default", new Fields(FIELDS))),
            "id",
            null,
            null,
            6700,
            List.of(),
            Map.of(),
            Map.of());

    private static LoadAwareCustomStreamGrouping storms(Grouping grouping, int[] targets) {
        List<Integer> tasks = new ArrayList<>();
        for (int i = targets.length - 1; i >= 0; i--) {
            tasks.add(targets[i]);
        }
        Map<String, Object> conf = new HashMap<>();
        conf.put(Config.TOPOLOGY_DISABLE_LOADAWARE_MESSAGING, true);
        return GrouperFactory.mkGrouper(CONTEXT, "source", "default", new Fields(FIELDS), grouping, tasks, conf);
    }

    private static Grouper ours(Grouping grouping, int[] targets) {
        return Groupers.create(GroupingSpec.fromThrift(
                grouping,
                FIELDS,
                targets,
                targets,
                false,
                g -> (CustomStreamGrouping) Utils.javaDeserialize(g.get_custom_serialized(), PartialKeyGrouping.class),
                CONTEXT,
                GroupersTest.STREAM,
                1));
    }

    private static int[] targets(int n) {
        int[] targets = new int[n];
        Arrays.setAll(targets, i -> 3 + 2 * i);
        return targets;
    }

    enum Colour { RED, GREEN }

    private static Object randomValue(Random random, int depth) {
        switch (random.nextInt(depth < 2 ? 19 : 12)) {
            case 0:
                return null;
            case 1:
                return random.nextInt();
            case 2:
                return random.nextLong();
            case 3:
                return random.nextDouble() - 0.5;
            case 4:
                return random.nextFloat();
            case 5:
                return random.nextBoolean();
            case 6:
                return (short) random.nextInt();
            case 7:
                return (char) random.nextInt();
            case 8:
                return new BigInteger(100, random);
            case 9:
                return Colour.values()[random.nextInt(2)];
            case 10: {
                char[] units = new char[random.nextInt(8)];
                for (int i = 0; i < units.length; i++) {
                    units[i] = (char) random.nextInt(1 << 16);
                }
                return new String(units);
            }
            case 11: {
                byte[] bytes = new byte[random.nextInt(5)];
                random.nextBytes(bytes);
                return bytes;
            }
            case 12:
                return new int[] {random.nextInt(), random.nextInt()};
            case 13:
                return new long[] {random.nextLong()};
            case 14:
                return new double[] {random.nextGaussian()};
            case 15:
                return random.nextBoolean() ? new float[] {1.5f} : new boolean[] {true, false};
            case 16:
                return random.nextBoolean() ? new short[] {3} : new char[] {'x'};
            case 17:
                return new Object[] {randomValue(random, depth + 1), randomValue(random, depth + 1)};
            default:
                // Arrays inside hash by identity: the same object here on both sides.
                return Arrays.asList(randomValue(random, depth + 1), "x");
        }
    }

    @Test
    void fieldsGrouping() {
        Random random = new Random(11);
        for (List<String> by : List.of(List.of("a"), List.of("b", "c"), List.of("c", "a", "b"))) {
            for (int n : new int[] {1, 2, 4, 7, 64}) {
                LoadAwareCustomStreamGrouping expected = storms(Grouping.fields(by), targets(n));
                Grouper actual = ours(Grouping.fields(by), targets(n));
                int[] out = new int[n];
                for (int i = 0; i < 3000; i++) {
                    List<Object> values = Arrays.asList(
                            randomValue(random, 0), randomValue(random, 0), randomValue(random, 0));
                    assertEquals(1, actual.choose(1, values, out));
                    assertEquals(expected.chooseTasks(1, values), List.of(out[0]), () -> "values " + values);
                }
            }
        }
    }

    @Test
    void allGlobalAndPartialKey() {
        byte[] partialKey = Utils.javaSerialize(new PartialKeyGrouping(new Fields("b")));
        for (Grouping grouping : List.of(
                Grouping.all(new NullStruct()), Grouping.fields(List.of()), Grouping.custom_serialized(partialKey))) {
            LoadAwareCustomStreamGrouping expected = storms(grouping, targets(5));
            Grouper actual = ours(grouping, targets(5));
            Random random = new Random(3);
            int[] out = new int[5];
            for (int i = 0; i < 2000; i++) {
                List<Object> values = Arrays.asList(i, "key" + random.nextInt(20), null);
                int count = actual.choose(1, values, out);
                List<Integer> chosen = new ArrayList<>();
                for (int k = 0; k < count; k++) {
                    chosen.add(out[k]);
                }
                assertEquals(expected.chooseTasks(1, values), chosen);
            }
        }
    }

    @Test
    void plainShuffleHasTheSharesOfStorms() {
        for (int n : new int[] {1, 3, 8}) {
            LoadAwareCustomStreamGrouping storm = storms(Grouping.shuffle(new NullStruct()), targets(n));
            Grouper actual = ours(Grouping.shuffle(new NullStruct()), targets(n));
            int[] expected = new int[1 << 10];
            int[] shares = new int[1 << 10];
            int[] out = new int[n];
            for (int i = 0; i < 50 * n; i++) {
                expected[storm.chooseTasks(1, List.of()).get(0)]++;
                actual.choose(1, List.of(), out);
                shares[out[0]]++;
            }
            assertArrayEquals(expected, shares);
        }
    }

    @Test
    void fieldsHashVectors() throws Exception {
        for (Vectors.Line line : Vectors.read("fields_hash.txt")) {
            @SuppressWarnings("unchecked")
            List<Object> values = (List<Object>) Vectors.value(line.left());
            int[] indices = new int[values.size()];
            Arrays.setAll(indices, i -> i);
            int hash = FieldsHash.hash(values, indices);
            assertEquals(Arrays.deepHashCode(values.toArray()), hash, line.left());
            assertEquals(
                    line.right(), hash + " " + Math.floorMod(hash, 4) + " " + Math.floorMod(hash, 7), line.left());
            if (values.size() == 1) {
                assertEquals(hash, FieldsHash.hashSingle(values.get(0)), line.left());
            }
        }
    }
}
