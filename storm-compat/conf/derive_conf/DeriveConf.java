import java.io.InputStream;
import java.io.PrintStream;
import java.lang.annotation.Annotation;
import java.lang.reflect.Field;
import java.lang.reflect.Modifier;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.storm.Config;
import org.apache.storm.shade.org.yaml.snakeyaml.LoaderOptions;
import org.apache.storm.shade.org.yaml.snakeyaml.Yaml;
import org.apache.storm.shade.org.yaml.snakeyaml.constructor.SafeConstructor;

/**
 * Derives data from the published storm-client jar on the class path.
 *
 * <p>{@code defaults}: the values of its defaults.yaml as JSON, keys sorted. {@code keys TABLE}: every key of Config with
 * the type that its validation asks for; the other columns are kept from TABLE, and "?" stands for a key that nobody has
 * classified yet.
 */
public final class DeriveConf {
    private DeriveConf() {}

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        if (args.length == 1 && args[0].equals("defaults")) {
            printDefaults(out);
        } else if (args.length == 2 && args[0].equals("keys")) {
            printKeys(out, Path.of(args[1]));
        } else {
            throw new IllegalArgumentException("usage: DeriveConf defaults | keys TABLE");
        }
        out.flush();
    }

    private static void printDefaults(PrintStream out) throws Exception {
        Map<String, Object> defaults;
        try (InputStream in = Config.class.getResourceAsStream("/defaults.yaml")) {
            defaults = new Yaml(new SafeConstructor(new LoaderOptions())).load(in);
        }
        List<String> lines = new ArrayList<>();
        for (Map.Entry<String, Object> entry : new TreeMap<>(defaults).entrySet()) {
            lines.add("  " + json(entry.getKey()) + ": " + json(entry.getValue()));
        }
        out.print("{\n" + String.join(",\n", lines) + "\n}\n");
    }

    private static String json(Object value) {
        if (value == null || value instanceof Boolean || value instanceof Number) {
            return String.valueOf(value);
        }
        List<String> parts = new ArrayList<>();
        if (value instanceof Collection) {
            for (Object element : (Collection<?>) value) {
                parts.add(json(element));
            }
            return "[" + String.join(",", parts) + "]";
        }
        if (value instanceof Map) {
            Map<String, Object> sorted = new TreeMap<>();
            ((Map<?, ?>) value).forEach((key, element) -> sorted.put(String.valueOf(key), element));
            sorted.forEach((key, element) -> parts.add(json(key) + ":" + json(element)));
            return "{" + String.join(",", parts) + "}";
        }
        return quote(String.valueOf(value));
    }

    private static String quote(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        for (char c : text.toCharArray()) {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append(c);
            } else if (c < 0x20 || c > 0x7e) {
                quoted.append(String.format("\\u%04x", (int) c));
            } else {
                quoted.append(c);
            }
        }
        return quoted.append('"').toString();
    }

    private static void printKeys(PrintStream out, Path table) throws Exception {
        Map<String, String> known = new HashMap<>();
        for (String line : Files.readAllLines(table)) {
            String[] cells = line.split("\t", 3);
            if (cells.length == 3) {
                known.put(cells[0], cells[2]);
            }
        }
        out.print("key\ttype\ttreatment\tnote\n");
        Map<String, String> types = new TreeMap<>();
        for (Field field : Config.class.getFields()) {
            if (field.getType() == String.class && Modifier.isStatic(field.getModifiers())) {
                types.put((String) field.get(null), typeOf(field));
            }
        }
        types.forEach((key, type) -> out.print(key + "\t" + type + "\t" + known.getOrDefault(key, "?\t?") + "\n"));
    }

    /** In words of our table: a type, a bound (&gt;0, &gt;=0) and "!" for a value that must not be null. */
    private static String typeOf(Field field) throws Exception {
        Set<String> rules = new HashSet<>();
        String bound = "";
        for (Annotation annotation : field.getAnnotations()) {
            String name = annotation.annotationType().getSimpleName();
            rules.add(name);
            if (name.equals("IsPositiveNumber")) {
                boolean zero = (boolean) annotation.annotationType().getMethod("includeZero").invoke(annotation);
                bound = zero ? ">=0" : ">0";
            }
        }
        return base(rules) + bound + (rules.contains("NotNull") ? "!" : "");
    }

    private static String base(Set<String> rules) {
        String[][] rows = {
            {"IsInteger", "int"}, {"IsLong", "long"}, {"IsNumber", "number"}, {"IsPositiveNumber", "number"},
            {"IsBoolean", "bool"}, {"IsString", "string"}, {"Password", "string"}, {"IsImplementationOfClass", "string"},
            {"IsStringList", "strings"}, {"IsStringOrStringList", "string-or-strings"}, {"IsKryoReg", "list-or-map"},
            {"IsListEntryCustom", "list"}, {"IsMapEntryType", "map"}, {"IsMapEntryCustom", "map"}, {"IsType", "map"},
        };
        for (String[] row : rows) {
            if (rules.contains(row[0])) {
                return row[1];
            }
        }
        return "any";
    }
}
