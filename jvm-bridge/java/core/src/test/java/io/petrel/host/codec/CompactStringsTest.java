package io.petrel.host.codec;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** In a JVM that is open to the host, as its own is. */
class CompactStringsTest {
    private static final String ALL_OF_A_BYTE = allOfAByte();

    private static String allOfAByte() {
        StringBuilder all = new StringBuilder();
        for (char unit = 0; unit < 256; unit++) {
            all.append(unit);
        }
        return all.toString();
    }

    @Test
    void unitsOfAByteAreThereAndOthersAreNot() {
        for (String text : new String[] {"", "a", "tree", ALL_OF_A_BYTE, "x".repeat(1000)}) {
            assertArrayEquals(text.getBytes(StandardCharsets.ISO_8859_1), CompactStrings.units(text));
        }
        for (String text : new String[] {"\u0100", "tree\u20ac", "\ud83c\udf33", "\ud800"}) {
            assertNull(CompactStrings.units(text));
        }
    }

    @Test
    void aStringThatWasCutToUnitsOfAByteHasThem() {
        assertNotNull(CompactStrings.units("tree\u20ac".substring(0, 4)));
        assertNotNull(CompactStrings.units(new String(new char[] {'t', '\u00e9'})));
    }

    @Test
    void whetherTheyAreThereOrNotTheBytesAreTheSame() {
        for (String text : new String[] {"", "a", "tree", ALL_OF_A_BYTE, "x".repeat(200), "\u0100", "tree\u20ac", "\ud800"}) {
            assertArrayEquals(written(text, null), written(text, CompactStrings.units(text)), text);
        }
        assertEquals(Tags.LATIN1, written("tree", null)[0]);
        assertEquals(Tags.UTF16, written("tree\u20ac", null)[0]);
    }

    /** Behind something, in a buffer that must grow. */
    private static byte[] written(String text, byte[] units) {
        WireBuffer out = new WireBuffer(4);
        out.i32(7);
        out.text(text, units);
        return Arrays.copyOfRange(out.array(), 4, out.size());
    }
}
