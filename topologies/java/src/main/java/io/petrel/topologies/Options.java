package io.petrel.topologies;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.storm.Config;

/** Command line of a topology's main: positional arguments, {@code --key value}, and {@code --conf key=value} for Storm's settings. */
public final class Options {
    public final List<String> positional = new ArrayList<>();
    private final Map<String, String> named = new LinkedHashMap<>();
    private final Config conf = new Config();

    public static Options parse(String[] args) {
        Options options = new Options();
        for (int i = 0; i < args.length; i++) {
            if (!args[i].startsWith("--")) {
                options.positional.add(args[i]);
            } else if (i + 1 == args.length) {
                throw new IllegalArgumentException(args[i] + " needs a value");
            } else if (args[i].equals("--conf")) {
                options.setting(args[++i]);
            } else {
                options.named.put(args[i].substring(2), args[++i]);
            }
        }
        return options;
    }

    private void setting(String text) {
        int split = text.indexOf('=');
        if (split < 1) {
            throw new IllegalArgumentException("--conf takes key=value, not '" + text + "'");
        }
        String value = text.substring(split + 1);
        Object typed = value;
        if (value.matches("-?\\d+")) {
            typed = Long.valueOf(value);
        } else if (value.matches("-?\\d+\\.\\d+")) {
            typed = Double.valueOf(value);
        } else if (value.equals("true") || value.equals("false")) {
            typed = Boolean.valueOf(value);
        }
        conf.put(text.substring(0, split), typed);
    }

    public int number(String name, int otherwise) {
        return named.containsKey(name) ? Integer.parseInt(named.get(name)) : otherwise;
    }

    public String text(String name, String otherwise) {
        return named.getOrDefault(name, otherwise);
    }

    /** The topology's own settings; the caller adds what is not there yet. */
    public Config conf() {
        return conf;
    }
}
