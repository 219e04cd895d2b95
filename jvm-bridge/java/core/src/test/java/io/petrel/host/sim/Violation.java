package io.petrel.host.sim;

/** A rule was broken; the message starts with the rule's name. */
final class Violation extends AssertionError {
    private static final long serialVersionUID = 1L;

    Violation(String rule, String what) {
        super(rule + ": " + what);
    }
}
