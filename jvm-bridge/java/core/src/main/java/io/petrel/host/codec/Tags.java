package io.petrel.host.codec;

/** Tags and limits of the tagged encoding; docs/tuple-encoding.md is the grammar, native/codec the C++ twin. */
final class Tags {
    static final int NULL = 0;
    static final int TRUE = 1;
    static final int FALSE = 2;
    static final int INT = 3;
    static final int LONG = 4;
    static final int DOUBLE = 5;
    static final int LATIN1 = 6;
    static final int UTF16 = 7;
    static final int BYTES = 8;
    static final int LIST = 9;
    static final int MAP = 10;
    static final int OPAQUE = 11;

    static final int BATCH_VERSION = 1;
    static final int MAX_DEPTH = 32;
    /** What a batch of one tuple has beside it, at most. */
    static final int BATCH_EXTRA_BYTES = 64;
    /** The most that a topology may set as its limit of tuples, as a batch. */
    static final int MAX_BATCH_BYTES = (1 << 30) + BATCH_EXTRA_BYTES;

    private Tags() {}
}
