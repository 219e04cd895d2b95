package io.petrel.host.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.vectors.Vectors;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.storm.Config;
import org.apache.storm.utils.Utils;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TaggedCodecTest {
    /** Carries the notation's opaque values as their bytes. */
    static final OpaqueCodec RAW = new OpaqueCodec() {
        @Override
        public byte[] encode(Object value) {
            return ((Vectors.Opaque) value).bytes;
        }

        @Override
        public Object decode(byte[] bytes) {
            return new Vectors.Opaque(bytes);
        }
    };

    static byte[] encode(Object value, OpaqueCodec opaque) {
        WireBuffer out = new WireBuffer(1);
        new TaggedCodec(opaque).write(out, value);
        return Arrays.copyOf(out.array(), out.size());
    }

    static Object decode(byte[] bytes, OpaqueCodec opaque) {
        WireInput in = new WireInput();
        // Not at the start of the array: offsets must not be mixed up with positions.
        byte[] shifted = new byte[bytes.length + 5];
        System.arraycopy(bytes, 0, shifted, 3, bytes.length);
        in.reset(shifted, 3, bytes.length);
        Object value = new TaggedCodec(opaque).read(in);
        if (in.remaining() != 0) {
            throw new MalformedBatchException(in.remaining() + " bytes follow the value");
        }
        return value;
    }

    static void assertSameValue(Object expected, Object actual, String message) {
        if (expected == null) {
            assertSame(null, actual, message);
            return;
        }
        assertSame(expected.getClass(), actual.getClass(), message);
        if (expected instanceof byte[]) {
            assertArrayEquals((byte[]) expected, (byte[]) actual, message);
        } else if (expected instanceof Double) {
            assertEquals(
                    Double.doubleToRawLongBits((Double) expected), Double.doubleToRawLongBits((Double) actual), message);
        } else if (expected instanceof List) {
            List<?> list = (List<?>) expected;
            assertEquals(list.size(), ((List<?>) actual).size(), message);
            for (int i = 0; i < list.size(); i++) {
                assertSameValue(list.get(i), ((List<?>) actual).get(i), message);
            }
        } else if (expected instanceof Map) {
            Map<?, ?> map = (Map<?, ?>) expected;
            assertEquals(map.size(), ((Map<?, ?>) actual).size(), message);
            // Keys that are (or hold) arrays equal only themselves.
            if (map.keySet().stream().allMatch(key -> key == null || key instanceof String || key instanceof Number)) {
                assertEquals(map.keySet(), ((Map<?, ?>) actual).keySet(), message);
                map.forEach((key, value) -> assertSameValue(value, ((Map<?, ?>) actual).get(key), message));
            }
        } else {
            assertEquals(expected, actual, message);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"values/scalars.txt", "values/text.txt", "values/containers.txt"})
    void vectors(String file) throws Exception {
        for (Vectors.Line line : Vectors.read(file)) {
            Object value = Vectors.value(line.left());
            byte[] bytes = Vectors.hex(line.right());
            assertEquals(Vectors.hex(bytes), Vectors.hex(encode(value, RAW)), line.left());
            assertSameValue(value, decode(bytes, RAW), line.left());
        }
    }

    @Test
    void badBytesAreRefusedWithAReason() throws Exception {
        for (Vectors.Line line : Vectors.read("bad_values.txt")) {
            MalformedBatchException e = assertThrows(
                    MalformedBatchException.class, () -> decode(Vectors.hex(line.left()), RAW), line.left());
            assertTrue(e.getMessage().contains(line.right()), line.left() + ": " + e.getMessage());
            assertTrue(e.getMessage().length() <= 200, e.getMessage());
        }
    }

    @Test
    void randomBytesNeverHarm() {
        Random random = new Random(7);
        int accepted = 0;
        for (int round = 0; round < 200_000; round++) {
            byte[] bytes = new byte[random.nextInt(40)];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) (random.nextInt(3) == 0 ? random.nextInt() : random.nextInt(12));
            }
            Object value;
            try {
                value = decode(bytes, RAW);
            } catch (MalformedBatchException e) {
                continue;
            }
            accepted++;
            assertSameValue(value, decode(encode(value, RAW), RAW), Vectors.hex(bytes));
        }
        assertTrue(accepted > 100, "accepted only " + accepted);
    }

    @Test
    void randomValuesComeBack() {
        Random random = new Random(8);
        for (int round = 0; round < 20_000; round++) {
            Object value = randomValue(random, 0);
            assertSameValue(value, decode(encode(value, RAW), RAW), "round " + round);
        }
    }

    private static Object randomValue(Random random, int depth) {
        switch (random.nextInt(depth < 4 ? 11 : 8)) {
            case 0:
                return null;
            case 1:
                return random.nextBoolean();
            case 2:
                return random.nextInt() >> random.nextInt(32);
            case 3:
                return random.nextLong() >> random.nextInt(64);
            case 4:
                return Double.longBitsToDouble(random.nextLong());
            case 5:
                return text(random, 256);
            case 6:
                return text(random, 65536);
            case 7: {
                byte[] bytes = new byte[random.nextInt(300)];
                random.nextBytes(bytes);
                return bytes;
            }
            case 8:
                return new Vectors.Opaque(new byte[random.nextInt(5)]);
            case 9: {
                List<Object> list = new ArrayList<>();
                for (int i = random.nextInt(5); i > 0; i--) {
                    list.add(randomValue(random, depth + 1));
                }
                return list;
            }
            default: {
                Map<Object, Object> map = new HashMap<>();
                for (int i = random.nextInt(5); i > 0; i--) {
                    map.put(text(random, 300), randomValue(random, depth + 1));
                }
                return map;
            }
        }
    }

    /** Surrogates of all kinds come with the higher bound. */
    private static String text(Random random, int bound) {
        char[] units = new char[random.nextInt(200)];
        for (int i = 0; i < units.length; i++) {
            units[i] = (char) random.nextInt(bound);
        }
        return new String(units);
    }

    /** Not registered with Kryo; goes by Java serialisation when the topology allows it. */
    static final class Point implements Serializable {
        private static final long serialVersionUID = 1L;
        final int x;

        Point(int x) {
            this.x = x;
        }
    }

    private static Map<String, Object> conf(boolean fallBack, Object... registered) {
        Map<String, Object> conf = new HashMap<>(Utils.readDefaultConfig());
        conf.put(Config.TOPOLOGY_FALL_BACK_ON_JAVA_SERIALIZATION, fallBack);
        conf.put(Config.TOPOLOGY_KRYO_REGISTER, new ArrayList<>(Arrays.asList(registered)));
        return conf;
    }

    @Test
    void otherClassesGoThroughKryoAndKeepTheirClass() {
        OpaqueCodec kryo = new KryoOpaqueCodec(conf(true));
        Date date = new Date(5);
        assertEquals(date, decode(encode(date, kryo), kryo));
        assertEquals(7.5f, decode(encode(7.5f, kryo), kryo));
        assertEquals((short) 3, decode(encode((short) 3, kryo), kryo));
        assertEquals('x', decode(encode('x', kryo), kryo));
        Object linked = decode(encode(new LinkedHashMap<>(Map.of("a", 1L)), kryo), kryo);
        assertInstanceOf(LinkedHashMap.class, linked);
        assertSame(Collections.emptyList().getClass(), decode(encode(Collections.emptyList(), kryo), kryo).getClass());
        List<Object> mixed = new ArrayList<>(Arrays.asList("a", new Point(4), null));
        assertEquals(4, ((Point) ((List<?>) decode(encode(mixed, kryo), kryo)).get(1)).x);
    }

    @Test
    void registeredClassesNeedNoFallback() {
        OpaqueCodec kryo = new KryoOpaqueCodec(conf(false, Date.class.getName()));
        assertEquals(new Date(9), decode(encode(new Date(9), kryo), kryo));
        assertThrows(IllegalArgumentException.class, () -> encode(new Point(1), kryo));
    }

    @Test
    void kryoBytesThatMeanNothingAreRefused() {
        OpaqueCodec kryo = new KryoOpaqueCodec(conf(false));
        assertThrows(MalformedBatchException.class, () -> decode(Vectors.hex("0b 03 ff ff 7f"), kryo));
        assertThrows(MalformedBatchException.class, () -> decode(Vectors.hex("0b 00"), kryo));
    }

    @Test
    void listsBelowTheDepthLimitGoThroughKryo() {
        OpaqueCodec kryo = new KryoOpaqueCodec(conf(false));
        List<Object> value = new ArrayList<>();
        for (int i = 0; i < 100; i++) {
            value = new ArrayList<>(Arrays.asList((Object) value));
        }
        assertEquals(value, decode(encode(value, kryo), kryo));
    }
}
