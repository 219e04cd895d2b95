package io.petrel.host;

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Cumulative counters of all executors; the layout is in jvm-bridge/README.md. Thread: any. */
final class SampleWriter {
    private final ByteArrayOutputStream bytes = new ByteArrayOutputStream(4096);
    private final DataOutputStream out = new DataOutputStream(bytes);

    private SampleWriter() {}

    /**
     * @param idle executors that are in the plan and have nothing to run here (__acker): written with empty counters
     */
    static byte[] write(List<Executor> executors, List<Plan.LocalExecutor> idle) {
        SampleWriter writer = new SampleWriter();
        try {
            List<Executor> shown = new ArrayList<>();
            for (Executor executor : executors) {
                if (executor.spec().firstTask() >= 0) {
                    shown.add(executor);
                }
            }
            writer.out.writeInt(shown.size() + idle.size());
            for (Executor executor : shown) {
                writer.executor(executor);
            }
            for (Plan.LocalExecutor executor : idle) {
                writer.idle(executor);
            }
            return writer.bytes.toByteArray();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private void idle(Plan.LocalExecutor executor) throws IOException {
        text(executor.component());
        out.writeInt(executor.firstTask());
        out.writeInt(executor.lastTask());
        out.writeByte(0);
        for (int i = 0; i < 4; i++) {
            out.writeLong(0);
        }
        out.writeInt(0);
        out.writeInt(0);
        out.writeInt(0);
    }

    private void executor(Executor executor) throws IOException {
        ExecutorSpec spec = executor.spec();
        text(spec.component());
        out.writeInt(spec.firstTask());
        out.writeInt(spec.lastTask());
        out.writeByte(spec.spout() ? 1 : 0);
        out.writeLong(executor.queue().tuples());
        out.writeLong(executor.queue().bytes() + executor.queue().inboundBytes());
        out.writeLong(executor.blockedNanos());
        out.writeLong(executor instanceof SpoutExecutor ? ((SpoutExecutor) executor).pending() : 0);
        outputs(executor);
        inputs(executor);
        Map<Integer, Long> causes = executor.blockedByTask();
        out.writeInt(causes.size());
        for (Map.Entry<Integer, Long> cause : causes.entrySet()) {
            out.writeInt(cause.getKey());
            out.writeLong(cause.getValue());
        }
    }

    private void outputs(Executor executor) throws IOException {
        Map<String, OutCell> sums = new LinkedHashMap<>();
        for (Map<String, Route> routes : executor.allRoutes()) {
            for (Route route : routes.values()) {
                OutCell cell = route.cell;
                if (cell.emitted + cell.acked + cell.failed == 0) {
                    continue;
                }
                OutCell sum = sums.computeIfAbsent(cell.stream, OutCell::new);
                sum.emitted += cell.emitted;
                sum.transferred += cell.transferred;
                sum.acked += cell.acked;
                sum.failed += cell.failed;
                sum.completeNanos += cell.completeNanos;
                sum.completeSamples += cell.completeSamples;
            }
        }
        out.writeInt(sums.size());
        for (OutCell sum : sums.values()) {
            text(sum.stream);
            out.writeLong(sum.emitted);
            out.writeLong(sum.transferred);
            out.writeLong(sum.acked);
            out.writeLong(sum.failed);
            out.writeLong(sum.completeNanos);
            out.writeLong(sum.completeSamples);
        }
    }

    private void inputs(Executor executor) throws IOException {
        Map<List<String>, InCell> sums = new LinkedHashMap<>();
        for (InCells inputs : executor.allInputs()) {
            for (InCell cell : inputs.all()) {
                InCell sum = sums.computeIfAbsent(
                        List.of(cell.component, cell.stream), key -> new InCell(key.get(0), key.get(1)));
                sum.acked += cell.acked;
                sum.failed += cell.failed;
                sum.executed += cell.executed;
                sum.executeNanos += cell.executeNanos;
                sum.executeSamples += cell.executeSamples;
                sum.processNanos += cell.processNanos;
                sum.processSamples += cell.processSamples;
            }
        }
        out.writeInt(sums.size());
        for (InCell sum : sums.values()) {
            text(sum.component);
            text(sum.stream);
            out.writeLong(sum.acked);
            out.writeLong(sum.failed);
            out.writeLong(sum.executed);
            out.writeLong(sum.executeNanos);
            out.writeLong(sum.executeSamples);
            out.writeLong(sum.processNanos);
            out.writeLong(sum.processSamples);
        }
    }

    private void text(String text) throws IOException {
        byte[] encoded = text.getBytes(StandardCharsets.UTF_8);
        out.writeInt(encoded.length);
        out.write(encoded);
    }
}
