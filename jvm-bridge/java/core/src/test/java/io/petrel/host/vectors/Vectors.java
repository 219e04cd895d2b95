package io.petrel.host.vectors;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** The files of tests/vectors (see the README there), which the C++ tests read too. */
public final class Vectors {
    /** Opaque bytes of the notation: {@code k:0102}. */
    public static final class Opaque {
        public final byte[] bytes;

        public Opaque(byte[] bytes) {
            this.bytes = bytes;
        }

        @Override
        public boolean equals(Object other) {
            return other instanceof Opaque && Arrays.equals(bytes, ((Opaque) other).bytes);
        }

        @Override
        public int hashCode() {
            return Arrays.hashCode(bytes);
        }
    }

    /** One line {@code left => right}. */
    public record Line(String left, String right) {}

    private final String text;
    private int at;

    private Vectors(String text) {
        this.text = text;
    }

    public static Path folder() {
        String set = System.getProperty("petrel.vectors");
        if (set != null) {
            return Path.of(set);
        }
        for (Path at = Path.of("").toAbsolutePath(); at != null; at = at.getParent()) {
            if (Files.isDirectory(at.resolve("tests/vectors"))) {
                return at.resolve("tests/vectors");
            }
        }
        throw new IllegalStateException("tests/vectors is not above the working directory; set -Dpetrel.vectors");
    }

    public static List<Line> read(String file) throws IOException {
        List<Line> lines = new ArrayList<>();
        for (String line : Files.readAllLines(folder().resolve(file))) {
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            int arrow = line.lastIndexOf(" => ");
            lines.add(new Line(line.substring(0, arrow), line.substring(arrow + 4)));
        }
        if (lines.isEmpty()) {
            throw new IllegalStateException(file + " has no vectors");
        }
        return lines;
    }

    public static byte[] hex(String hex) {
        String digits = hex.replace(" ", "");
        byte[] bytes = new byte[digits.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(digits.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }

    public static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }

    public static Object value(String notation) {
        Vectors parser = new Vectors(notation);
        Object value = parser.value();
        if (!parser.text.substring(parser.at).isBlank()) {
            throw new IllegalArgumentException("something follows the value in " + notation);
        }
        return value;
    }

    private Object value() {
        if (take("null")) {
            return null;
        }
        if (take("true")) {
            return true;
        }
        if (take("false")) {
            return false;
        }
        if (take("i:")) {
            return Integer.parseInt(token());
        }
        if (take("l:")) {
            return Long.parseLong(token());
        }
        if (take("d:")) {
            return Double.longBitsToDouble(Long.parseUnsignedLong(token(), 16));
        }
        if (take("s:\"")) {
            return quoted();
        }
        if (take("b:")) {
            return hex(token());
        }
        if (take("k:")) {
            return new Opaque(hex(token()));
        }
        if (take("[")) {
            return list();
        }
        if (take("{")) {
            return map();
        }
        throw new IllegalArgumentException("no value at " + at + " of " + text);
    }

    private List<Object> list() {
        List<Object> list = new ArrayList<>();
        while (!take("]")) {
            list.add(value());
            take(",");
        }
        return list;
    }

    private Map<Object, Object> map() {
        Map<Object, Object> map = new HashMap<>();
        while (!take("}")) {
            Object key = value();
            if (!take("=")) {
                throw new IllegalArgumentException("no = at " + at + " of " + text);
            }
            map.put(key, value());
            take(",");
        }
        return map;
    }

    private String quoted() {
        StringBuilder result = new StringBuilder();
        for (; text.charAt(at) != '"'; at++) {
            if (text.charAt(at) == '\\') {
                result.append((char) Integer.parseInt(text.substring(at + 2, at + 6), 16));
                at += 5;
            } else {
                result.append(text.charAt(at));
            }
        }
        at++;
        return result.toString();
    }

    private boolean take(String word) {
        while (at < text.length() && text.charAt(at) == ' ') {
            at++;
        }
        if (!text.startsWith(word, at)) {
            return false;
        }
        at += word.length();
        return true;
    }

    private String token() {
        int start = at;
        while (at < text.length() && " ,]}=".indexOf(text.charAt(at)) < 0) {
            at++;
        }
        return text.substring(start, at);
    }
}
