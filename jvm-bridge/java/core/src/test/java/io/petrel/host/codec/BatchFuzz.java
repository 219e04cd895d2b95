package io.petrel.host.codec;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Any bytes as a batch of tuples: the reader takes them or throws {@link MalformedBatchException}, and what it took, written
 * again, reads the same. Inputs are changes of those before; one that behaves as none did before (another refusal, another shape
 * of tuples) is kept and changed further. {@code ./dev fuzz java_batch}; a run is decided by its seed.
 */
public final class BatchFuzz {
    private static final int INPUT_BYTES_MAX = 4096;
    private static final int INPUTS_MAX = 20_000;
    private static final byte[] TELLING = {0, 1, 2, 7, 8, 9, 10, 11, 12, 127, (byte) 128, (byte) 255};

    /** What a fuzzer has to find: bytes that did what none may do. */
    static final class Finding extends Exception {
        final transient byte[] input;

        Finding(byte[] input, Throwable cause) {
            super(cause);
            this.input = input;
        }
    }

    private static final class Bytes {
        final byte[] bytes;

        Bytes(byte[] bytes) {
            this.bytes = bytes;
        }
    }

    private static final OpaqueCodec OPAQUE = new OpaqueCodec() {
        @Override
        public byte[] encode(Object value) {
            return ((Bytes) value).bytes;
        }

        @Override
        public Object decode(byte[] bytes) {
            return new Bytes(bytes);
        }
    };

    private final Random random;
    private final boolean planted;
    private final BatchReader reader = new BatchReader(OPAQUE);
    private final BatchWriter writer = new BatchWriter(OPAQUE);
    private final List<byte[]> inputs = new ArrayList<>();
    private final Set<String> seen = new HashSet<>();
    private long runs;
    private long taken;

    /** @param planted with a bug behind valid structure, which shows whether bugs are found */
    public BatchFuzz(long seed, boolean planted) {
        random = new Random(seed);
        this.planted = planted;
    }

    public long runs() {
        return runs;
    }

    /** Runs whose input was a batch. */
    public long taken() {
        return taken;
    }

    public int behaviours() {
        return seen.size();
    }

    /** One input; kept when it behaves as none before. */
    public void run(byte[] input) throws Finding {
        runs++;
        String behaviour;
        try {
            behaviour = read(input);
            taken++;
        } catch (MalformedBatchException e) {
            if (e.getMessage() == null || e.getMessage().isEmpty() || e.getMessage().length() > 200) {
                throw new Finding(input, new AssertionError("a refusal of " + e.getMessage()));
            }
            behaviour = e.getMessage().replaceAll("[0-9]+", "#");
        } catch (RuntimeException | Error e) {
            throw new Finding(input, e);
        }
        if (inputs.size() < INPUTS_MAX && seen.add(behaviour)) {
            inputs.add(input);
        }
    }

    /** One change of an input from before. */
    public void step() throws Finding {
        byte[] bytes = inputs.isEmpty() ? new byte[] {1, 0} : pick();
        for (int i = 1 + random.nextInt(4); i > 0; i--) {
            bytes = change(bytes);
        }
        run(random.nextInt(4) == 0 ? bytes : withTrueLengths(bytes));
    }

    private byte[] pick() {
        return inputs.get(random.nextInt(inputs.size()));
    }

    /** Reads all of it; the shape of what was there. */
    private String read(byte[] input) {
        List<Object> first = tuples(input);
        byte[] again = rewritten(first);
        List<Object> second = tuples(again);
        byte[] third = rewritten(second);
        // Maps have no order, so the bytes may differ; their number may not.
        if (first.size() != second.size() || again.length != third.length || again.length > input.length * 2 + 64) {
            throw new AssertionError("written again, " + input.length + " bytes are " + again.length + ", then " + third.length);
        }
        StringBuilder shape = new StringBuilder();
        for (Object tuple : first) {
            describe(((Tuple) tuple).values, shape);
            shape.append(Math.min(((Tuple) tuple).anchors.length, 4));
            if (shape.length() > 200) {
                break;
            }
        }
        return shape.toString();
    }

    private static final class Tuple {
        int task;
        int stream;
        long[] anchors;
        List<Object> values;
    }

    private List<Object> tuples(byte[] input) {
        int count = reader.reset(input, 0, input.length);
        List<Object> tuples = new ArrayList<>();
        while (reader.next()) {
            Tuple tuple = new Tuple();
            tuple.task = reader.sourceTask();
            tuple.stream = reader.stream();
            tuple.anchors = new long[2 * reader.anchors()];
            for (int i = 0; i < reader.anchors(); i++) {
                tuple.anchors[2 * i] = reader.root(i);
                tuple.anchors[2 * i + 1] = reader.edge(i);
            }
            tuple.values = reader.values();
            tuples.add(tuple);
            if (planted && tuple.anchors.length > 0 && !tuple.values.isEmpty() && Boolean.TRUE.equals(tuple.values.get(0))) {
                throw new AssertionError("planted: an anchored tuple whose first value is true");
            }
        }
        if (count != tuples.size()) {
            throw new AssertionError(count + " tuples were announced, " + tuples.size() + " came");
        }
        return tuples;
    }

    private byte[] rewritten(List<Object> tuples) {
        for (Object entry : tuples) {
            Tuple tuple = (Tuple) entry;
            writer.begin(tuple.task, tuple.stream);
            for (int i = 0; i < tuple.anchors.length; i += 2) {
                writer.anchor(tuple.anchors[i], tuple.anchors[i + 1]);
            }
            writer.values(tuple.values);
        }
        return writer.take();
    }

    private static void describe(List<?> values, StringBuilder shape) {
        for (Object value : values) {
            if (shape.length() > 200) {
                return;
            }
            shape.append(value == null ? "n" : value.getClass().getSimpleName().substring(0, 2));
            if (value instanceof List) {
                describe((List<?>) value, shape.append('['));
                shape.append(']');
            }
        }
        shape.append(';');
    }

    private byte[] change(byte[] bytes) {
        int at = bytes.length == 0 ? 0 : random.nextInt(bytes.length);
        byte[] out = bytes.clone();
        switch (bytes.length == 0 ? 3 : random.nextInt(7)) {
            case 0:
                out[at] ^= (byte) (1 << random.nextInt(8));
                return out;
            case 1:
                out[at] = TELLING[random.nextInt(TELLING.length)];
                return out;
            case 2:
                out[at] += (byte) (random.nextInt(9) - 4);
                return out;
            case 3: {
                byte[] more = new byte[1 + random.nextInt(8)];
                random.nextBytes(more);
                if (random.nextBoolean()) {
                    Arrays.fill(more, TELLING[random.nextInt(TELLING.length)]);
                }
                return joined(bytes, at, more, 0, more.length, at);
            }
            case 4: {
                int end = Math.min(bytes.length, at + 1 + random.nextInt(8));
                return joined(bytes, at, bytes, 0, 0, end);
            }
            case 5: { // a piece of another one
                byte[] other = inputs.isEmpty() ? bytes : pick();
                int from = other.length == 0 ? 0 : random.nextInt(other.length);
                int length = Math.min(other.length - from, 1 + random.nextInt(32));
                return joined(bytes, at, other, from, length, random.nextBoolean() ? at : Math.min(bytes.length, at + length));
            }
            default:
                return Arrays.copyOf(bytes, at);
        }
    }

    /** bytes[0, head), piece[from, from + length), bytes[tail, end). */
    private static byte[] joined(byte[] bytes, int head, byte[] piece, int from, int length, int tail) {
        byte[] out = Arrays.copyOf(bytes, Math.min(INPUT_BYTES_MAX, head + length + bytes.length - tail));
        int middle = Math.max(0, Math.min(length, out.length - head));
        System.arraycopy(piece, from, out, head, middle);
        int rest = Math.max(0, Math.min(bytes.length - tail, out.length - head - middle));
        System.arraycopy(bytes, tail, out, head + middle, rest);
        return out;
    }

    /** The length of the first tuples made what is there, so that changes inside of them get further than that. */
    private byte[] withTrueLengths(byte[] bytes) {
        if (bytes.length < 6 || bytes[1] < 1) {
            return bytes;
        }
        byte[] out = bytes.clone();
        int length = bytes[1] == 1 ? out.length - 6 : Math.min(out.length - 6, random.nextInt(64));
        for (int i = 0; i < 4; i++) {
            out[2 + i] = (byte) (length >>> 8 * i);
        }
        return out;
    }

    /** Runs every file of the folder; how many there were. */
    public int runAll(Path folder) throws IOException, Finding {
        if (!Files.isDirectory(folder)) {
            return 0;
        }
        List<Path> files;
        try (Stream<Path> found = Files.list(folder)) {
            files = found.filter(Files::isRegularFile).sorted().toList();
        }
        for (Path file : files) {
            run(Files.readAllBytes(file));
        }
        return files.size();
    }

    /** {@code SECONDS SEED planted|real FINDINGS CORPUS...}: exit code 1 and a file in FINDINGS for a finding. */
    public static void main(String[] args) throws IOException {
        BatchFuzz fuzz = new BatchFuzz(Long.parseLong(args[1]), args[2].equals("planted"));
        long end = System.nanoTime() + Long.parseLong(args[0]) * 1_000_000_000L;
        try {
            for (int i = 3; i < args.length; i++) {
                fuzz.runAll(Path.of(args[i]));
            }
            while (System.nanoTime() < end) {
                for (int i = 0; i < 1000; i++) {
                    fuzz.step();
                }
            }
        } catch (Finding finding) {
            Path file = Path.of(args[3], "finding-" + Integer.toHexString(Arrays.hashCode(finding.input)));
            Files.createDirectories(file.getParent());
            Files.write(file, finding.input);
            finding.getCause().printStackTrace(System.out);
            System.out.println(file + " after " + fuzz.runs() + " runs");
            System.exit(1);
        }
        System.out.println(fuzz.runs() + " runs, " + fuzz.taken() + " batches, " + fuzz.behaviours() + " behaviours");
    }
}
