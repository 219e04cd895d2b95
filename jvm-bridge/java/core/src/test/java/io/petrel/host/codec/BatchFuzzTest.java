package io.petrel.host.codec;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class BatchFuzzTest {
    private static Path fuzzFolder(String kind, String target) {
        Path root = Path.of("").toAbsolutePath();
        while (root != null && !Files.isDirectory(root.resolve("tests/fuzz"))) {
            root = root.getParent();
        }
        return root.resolve("tests/fuzz").resolve(kind).resolve(target);
    }

    @Test
    void corpusAndFindingsAreReadOrRefused() throws Exception {
        BatchFuzz fuzz = new BatchFuzz(1, false);
        assertTrue(fuzz.runAll(fuzzFolder("corpus", "tuple_batch_fuzz")) > 100);
        fuzz.runAll(fuzzFolder("findings", "tuple_batch_fuzz"));
        fuzz.runAll(fuzzFolder("findings", "java_batch"));
        assertTrue(fuzz.taken() > 10, fuzz.taken() + " of them were batches");
    }

    @Test
    void aPlantedBugIsFoundAndTheRealCodeHasNone() throws Exception {
        BatchFuzz planted = new BatchFuzz(2, true);
        BatchFuzz.Finding finding = assertThrows(BatchFuzz.Finding.class, () -> steps(planted, 3_000_000));
        assertTrue(finding.getCause().getMessage().startsWith("planted"), finding.getCause().toString());
        BatchFuzz real = new BatchFuzz(2, false);
        steps(real, 100_000);
        assertEquals(100_000, real.runs());
    }

    private static void steps(BatchFuzz fuzz, int steps) throws BatchFuzz.Finding {
        for (int i = 0; i < steps; i++) {
            fuzz.step();
        }
    }
}
