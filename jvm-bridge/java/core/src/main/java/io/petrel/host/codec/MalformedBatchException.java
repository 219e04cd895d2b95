package io.petrel.host.codec;

/** Bytes that break the tuple encoding: says where, what and by which rule. */
public final class MalformedBatchException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    MalformedBatchException(String message) {
        super(message);
    }

    MalformedBatchException(String message, Throwable cause) {
        super(message, cause);
    }
}
