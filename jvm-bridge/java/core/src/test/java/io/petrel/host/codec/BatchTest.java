package io.petrel.host.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.vectors.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class BatchTest {
    private final BatchWriter writer = new BatchWriter(TaggedCodecTest.RAW);
    private final BatchReader reader = new BatchReader(TaggedCodecTest.RAW);

    @Test
    void vectors() throws Exception {
        for (Vectors.Line line : Vectors.read("batches.txt")) {
            String[] parts = line.left().split(" ", 4);
            List<?> values = (List<?>) Vectors.value(parts[3]);
            writer.begin(Integer.parseInt(parts[0]), Integer.parseInt(parts[1]));
            List<Long> anchors = new ArrayList<>();
            if (!parts[2].equals("-")) {
                for (String anchor : parts[2].split("[,:]")) {
                    anchors.add(Long.parseUnsignedLong(anchor, 16));
                }
            }
            for (int i = 0; i < anchors.size(); i += 2) {
                writer.anchor(anchors.get(i), anchors.get(i + 1));
            }
            writer.values(values);
            byte[] bytes = writer.take();
            assertEquals(Vectors.hex(Vectors.hex(line.right())), Vectors.hex(bytes), line.left());

            assertEquals(1, reader.reset(bytes, 0, bytes.length));
            assertTrue(reader.next());
            assertEquals(Integer.parseInt(parts[0]), reader.sourceTask());
            assertEquals(Integer.parseInt(parts[1]), reader.stream());
            assertEquals(anchors.size(), 2 * reader.anchors());
            for (int i = 0; i < reader.anchors(); i++) {
                assertEquals(anchors.get(2 * i), reader.root(i));
                assertEquals(anchors.get(2 * i + 1), reader.edge(i));
            }
            TaggedCodecTest.assertSameValue(values, reader.values(), line.left());
            assertFalse(reader.next());
        }
    }

    private byte[] threeTuples() {
        writer.begin(1, 0);
        writer.anchor(1, 2);
        writer.values(Arrays.asList("word", 5L));
        writer.begin(-1, 7);
        writer.values(List.of());
        writer.begin(300, 1);
        writer.anchor(1, 2);
        writer.anchor(3, 4);
        writer.values(List.of(new ArrayList<>(Arrays.asList(true, null))));
        return writer.take();
    }

    private int readAll(byte[] bytes, int length) {
        reader.reset(bytes, 0, length);
        int tuples = 0;
        while (reader.next()) {
            reader.values();
            tuples++;
        }
        return tuples;
    }

    @Test
    void valuesOfATupleMayBeSkipped() {
        byte[] bytes = threeTuples();
        reader.reset(bytes, 0, bytes.length);
        assertTrue(reader.next());
        assertTrue(reader.next());
        assertEquals(7, reader.stream());
        assertTrue(reader.next());
        assertEquals(List.of(new ArrayList<>(Arrays.asList(true, null))), reader.values());
        assertFalse(reader.next());
    }

    @Test
    void everyPrefixAndTailIsRefused() {
        byte[] bytes = threeTuples();
        assertEquals(3, readAll(bytes, bytes.length));
        for (int length = 0; length < bytes.length; length++) {
            int cut = length;
            assertThrows(MalformedBatchException.class, () -> readAll(bytes, cut), "length " + length);
        }
        assertThrows(MalformedBatchException.class, () -> readAll(Arrays.copyOf(bytes, bytes.length + 1), bytes.length + 1));
    }

    @Test
    void flippedAndRandomBytesThrowNothingElse() {
        Random random = new Random(3);
        byte[] good = threeTuples();
        int accepted = 0;
        for (int round = 0; round < 100_000; round++) {
            byte[] bytes = good.clone();
            for (int i = 1 + random.nextInt(3); i > 0; i--) {
                bytes[random.nextInt(bytes.length)] = (byte) (random.nextBoolean() ? random.nextInt() : random.nextInt(12));
            }
            try {
                readAll(bytes, bytes.length);
                accepted++;
            } catch (MalformedBatchException e) {
                assertTrue(e.getMessage().length() <= 200, e.getMessage());
            }
        }
        assertTrue(accepted > 100, "accepted only " + accepted);
    }

    @Test
    void aValueThatCannotBeWrittenLeavesTheBatchAsItWas() {
        writer.begin(1, 0);
        writer.values(List.of("kept"));
        writer.begin(1, 0);
        assertThrows(ClassCastException.class, () -> writer.values(Arrays.asList("lost", new Object())));
        assertEquals(1, writer.count());
        byte[] bytes = writer.take();
        assertEquals(1, readAll(bytes, bytes.length));
        assertEquals(0, writer.count());
    }

    @Test
    void impossibleSourcesAreRefused() {
        assertThrows(IllegalArgumentException.class, () -> writer.begin(0, 0));
        assertThrows(IllegalArgumentException.class, () -> writer.begin(-2, 0));
        assertThrows(IllegalArgumentException.class, () -> writer.begin(1, -1));
    }

    @Test
    void largeTuplesGrowTheBuffer() {
        byte[] payload = new byte[5 << 20];
        new Random(1).nextBytes(payload);
        writer.begin(2, 0);
        writer.values(List.of(payload, "\u6f22".repeat(100_000)));
        byte[] bytes = writer.take();
        reader.reset(bytes, 0, bytes.length);
        assertTrue(reader.next());
        TaggedCodecTest.assertSameValue(List.of(payload, "\u6f22".repeat(100_000)).size(), reader.values().size(), "size");
    }
}
