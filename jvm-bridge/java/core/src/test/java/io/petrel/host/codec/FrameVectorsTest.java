package io.petrel.host.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.petrel.host.vectors.Vectors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;
import org.junit.jupiter.api.Test;

/** Data frames of tests/vectors/frames.txt from the length down to the values: both languages mean the same bytes. */
class FrameVectorsTest {
    private static final int HEADER_BYTES = 56;
    private static final int SECTION_HEADER_BYTES = 28;
    private static final int DATA = 5;

    /** {@code name key=value key=value}. */
    private record Words(String name, Map<String, String> values) {
        static Words of(String text) {
            Map<String, String> values = new HashMap<>();
            String name = "";
            for (String word : text.trim().split(" ")) {
                int equals = word.indexOf('=');
                if (equals < 0) {
                    name = word;
                } else {
                    values.put(word.substring(0, equals), word.substring(equals + 1));
                }
            }
            return new Words(name, values);
        }

        long number(String key) {
            return Long.parseUnsignedLong(values.getOrDefault(key, "0"));
        }

        long half(String key, int index) {
            return Long.parseLong(values.getOrDefault(key, "0/0").split("/")[index]);
        }
    }

    private static int crc(byte[] bytes, int from, int to) {
        CRC32C crc = new CRC32C();
        crc.update(bytes, from, to - from);
        return (int) crc.getValue();
    }

    private static ByteBuffer frameOf(Words words, byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(bytes.length - 4, in.getInt(), "length");
        assertEquals(DATA, in.get(), "kind");
        assertEquals(0, in.get(), "flags");
        assertEquals(0, in.getShort(), "zero");
        assertEquals(words.number("link"), in.getInt());
        assertEquals(words.number("seq"), in.getLong());
        assertEquals(words.number("plan"), in.getLong());
        assertEquals(words.number("task"), in.getInt());
        assertEquals(words.half("from", 0), in.getInt());
        assertEquals(words.half("from", 1), in.getInt());
        assertEquals(words.half("to", 0), in.getInt());
        assertEquals(words.half("to", 1), in.getInt());
        assertEquals(words.number("fragment"), in.getInt());
        assertEquals(crc(bytes, 4 + HEADER_BYTES, bytes.length), in.getInt(), "checksum of the body");
        assertEquals(crc(bytes, 4, HEADER_BYTES), in.getInt(), "checksum of the header");
        return in;
    }

    /** Reads one section's header and answers its bytes. */
    private static byte[] sectionOf(Words words, ByteBuffer in) {
        int start = in.position();
        assertEquals(words.number("task"), in.getInt(), "destination task");
        assertEquals(words.number("executor"), in.getInt(), "executor");
        assertEquals(words.number("lane"), in.get(), "lane");
        assertEquals(List.of("tuples", "marker", "fragment").indexOf(words.name()), in.get(), "kind");
        assertEquals(0, in.getShort(), "zero");
        assertEquals(words.number("count"), in.getInt(), "count");
        byte[] bytes = new byte[in.getInt()];
        assertEquals(words.number("offset"), in.getLong(), "offset");
        assertEquals(SECTION_HEADER_BYTES, in.position() - start);
        in.get(bytes);
        return bytes;
    }

    private static void assertMarker(Words words, byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(words.number("kind"), in.get());
        assertEquals(words.number("epoch"), in.getLong());
        assertEquals(words.number("source"), in.getInt());
        assertFalse(in.hasRemaining());
    }

    private static byte[] partOf(Words words, byte[] bytes) {
        ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        assertEquals(words.number("id"), in.getInt());
        assertEquals(words.number("index"), in.getInt());
        assertEquals(words.number("at"), in.getLong());
        assertEquals(words.number("total"), in.getLong());
        byte[] part = new byte[in.remaining()];
        in.get(part);
        return part;
    }

    /** The tuples of a batch as text. */
    private static List<String> tuplesOf(byte[] batch) {
        BatchReader reader = new BatchReader(TaggedCodecTest.RAW);
        List<String> tuples = new ArrayList<>();
        reader.reset(batch, 0, batch.length);
        while (reader.next()) {
            StringBuilder text = new StringBuilder(reader.sourceTask() + " " + reader.stream());
            for (int i = 0; i < reader.anchors(); i++) {
                text.append(' ').append(reader.root(i)).append(':').append(reader.edge(i));
            }
            tuples.add(text + " " + reader.values());
        }
        return tuples;
    }

    @Test
    void dataFramesHoldTheBatchesThatTheReaderKnows() throws IOException {
        List<List<String>> batches = new ArrayList<>();
        ByteArrayOutputStream assembled = new ByteArrayOutputStream();
        int markers = 0;
        for (Vectors.Line line : Vectors.read("frames.txt")) {
            String[] parts = line.left().split(";");
            Words head = Words.of(parts[0]);
            if (!head.name().equals("data")) {
                continue;
            }
            byte[] frame = Vectors.hex(line.right());
            ByteBuffer in = frameOf(head, frame);
            for (String part : Arrays.asList(parts).subList(1, parts.length)) {
                Words words = Words.of(part);
                byte[] bytes = sectionOf(words, in);
                switch (words.name()) {
                    case "tuples" -> {
                        assertEquals(words.values().get("bytes"), Vectors.hex(bytes));
                        batches.add(tuplesOf(bytes));
                        assertEquals(words.number("count"), batches.get(batches.size() - 1).size());
                    }
                    case "marker" -> {
                        assertMarker(words, bytes);
                        markers++;
                    }
                    default -> assembled.write(partOf(words, bytes));
                }
            }
            assertFalse(in.hasRemaining(), line.left());
        }
        List<String> example = List.of("7 2 1:2 [the, 3]");
        assertEquals(List.of(example, example, List.of("1 0 []")), batches);
        assertEquals(example, tuplesOf(assembled.toByteArray()));
        assertEquals(1, markers);
    }

    @Test
    void aWriterOfThisSideMakesTheBytesInTheFrame() throws IOException {
        BatchWriter writer = new BatchWriter(TaggedCodecTest.RAW);
        writer.begin(7, 2);
        writer.anchor(1, 2);
        writer.values(List.of("the", 3L));
        String batch = Vectors.hex(writer.take());
        assertTrue(Vectors.hex(Vectors.hex(Vectors.read("frames.txt").get(0).right())).endsWith(batch));
    }
}
