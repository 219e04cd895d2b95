package io.petrel.topologies.bench;

import java.util.SplittableRandom;

/** The same words and sentences for every system, from a fixed seed. */
public final class Words {
    private static final int WORDS = 5000;
    private static final int SENTENCES = 1000;
    private static final int WORDS_OF_A_SENTENCE = 8;

    private Words() {
    }

    /** 5,000 words of 3 to 12 letters. */
    public static String[] dictionary() {
        SplittableRandom random = new SplittableRandom(42);
        String[] words = new String[WORDS];
        for (int i = 0; i < words.length; i++) {
            StringBuilder word = new StringBuilder();
            for (int letters = 3 + random.nextInt(10); letters > 0; letters--) {
                word.append((char) ('a' + random.nextInt(26)));
            }
            words[i] = word.toString();
        }
        return words;
    }

    /** 1,000 sentences of 8 words. */
    public static String[] sentences() {
        SplittableRandom random = new SplittableRandom(7);
        String[] dictionary = dictionary();
        String[] sentences = new String[SENTENCES];
        for (int i = 0; i < sentences.length; i++) {
            String[] words = new String[WORDS_OF_A_SENTENCE];
            for (int k = 0; k < words.length; k++) {
                words[k] = dictionary[random.nextInt(dictionary.length)];
            }
            sentences[i] = String.join(" ", words);
        }
        return sentences;
    }

    /** What a source of the shape picks from: words, sentences, or one constant. */
    public static String[] pool(String shape) {
        return switch (shape) {
            case "wc" -> dictionary();
            case "sent" -> sentences();
            default -> new String[] {"some data"};
        };
    }

    /** Picks by xorshift: the cost of a choice is the same everywhere. */
    public static final class Picker {
        private final String[] pool;
        private long random;

        public Picker(String[] pool, long seed) {
            this.pool = pool;
            random = seed * 0x9E3779B97F4A7C15L + 1;
        }

        public String next() {
            random ^= random << 13;
            random ^= random >>> 7;
            random ^= random << 17;
            return pool[(int) ((random >>> 33) % pool.length)];
        }
    }
}
