package io.petrel.host.sim;

/** Faults planted between the engine and the checkers, to show that the checkers find them. */
enum Mutation {
    NONE,
    /** A tuple never reaches its bolt. */
    DROP,
    /** A tuple reaches its bolt twice. */
    DUPLICATE,
    /** Two tuples of one task change places. */
    REORDER,
    /** The ledger acks a tree before all of its records are there. */
    ACK_EARLY,
    /** The ledger never tells of one tree's end. */
    LOSE_COMPLETION,
    /** Fields grouping sends a key somewhere else now and then. */
    WRONG_TASK,
    /** A section gets lost between two hosts. */
    LOSE_SECTION,
    /** Two sections of a flow change places. */
    SWAP_SECTIONS
}
