package io.petrel.topologies.ledger;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * An append-only log of 40-byte records in a mapped file: a record is in the page cache as soon as append() returns, so it
 * survives a kill -9 of the process. The file grows by segments; a record of kind 0 is the end.
 *
 * <pre>
 * u8 kind, u8 path, u16 zero, i32 task, i64 sequence, i32 attempt, i32 spoutTask, i64 monotonicNanos, u32 zero, u32 crc32c of the 36 bytes before
 * </pre>
 * Little-endian. Kinds: see {@link Kind}.
 */
final class RecordLog implements AutoCloseable {
    static final int RECORD_BYTES = 40;
    private static final long SEGMENT_BYTES = 40L << 20;

    /** What a record says. */
    static final class Kind {
        static final int OPEN = 1;
        static final int EMIT = 2;
        static final int ACK = 3;
        static final int FAIL = 4;
        static final int SINK = 5;

        private Kind() {
        }
    }

    private final FileChannel channel;
    private final CRC32C crc = new CRC32C();
    private MappedByteBuffer segment;
    private long segmentStart;

    RecordLog(Path file) {
        try {
            Files.createDirectories(file.getParent());
            channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
            map(0);
        } catch (IOException e) {
            throw new UncheckedIOException("cannot open the log " + file, e);
        }
    }

    /** Reads what is there up to the end mark; appending goes on after it. */
    void replay(java.util.function.Consumer<ByteBuffer> each) {
        byte[] bytes = new byte[RECORD_BYTES];
        while (true) {
            if (segment.remaining() < RECORD_BYTES) {
                map(segmentStart + SEGMENT_BYTES);
            }
            int at = segment.position();
            if (segment.get(at) == 0) {
                return;
            }
            segment.get(at, bytes);
            crc.reset();
            crc.update(bytes, 0, RECORD_BYTES - 4);
            ByteBuffer record = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            if (record.getInt(RECORD_BYTES - 4) != (int) crc.getValue()) {
                return;  // torn by a kill in the middle of append(): never returned to anybody, written over
            }
            each.accept(record);
            segment.position(at + RECORD_BYTES);
        }
    }

    void append(int kind, int path, int task, long sequence, int attempt, int spoutTask) {
        if (segment.remaining() < RECORD_BYTES) {
            map(segmentStart + SEGMENT_BYTES);
        }
        int at = segment.position();
        segment.put(at + 1, (byte) path);
        segment.putShort(at + 2, (short) 0);
        segment.putInt(at + 4, task);
        segment.putLong(at + 8, sequence);
        segment.putInt(at + 16, attempt);
        segment.putInt(at + 20, spoutTask);
        segment.putLong(at + 24, System.nanoTime());
        segment.putInt(at + 32, 0);
        segment.put(at, (byte) kind);
        crc.reset();
        crc.update(segment.slice(at, RECORD_BYTES - 4));
        segment.putInt(at + RECORD_BYTES - 4, (int) crc.getValue());
        segment.position(at + RECORD_BYTES);
    }

    private void map(long start) {
        try {
            segment = channel.map(FileChannel.MapMode.READ_WRITE, start, SEGMENT_BYTES);
            segment.order(ByteOrder.LITTLE_ENDIAN);
            segmentStart = start;
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    @Override
    public void close() {
        try {
            channel.close();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}
