package io.petrel.host;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.Arrays;

/**
 * Completed roots on their way from the ledger to a spout executor, in chunks. The pending roots bound it.
 * Threads: one writer at a time (whoever runs the ledger), one reader.
 */
final class CompletionQueue {
    private static final VarHandle HEAD;

    static {
        try {
            HEAD = MethodHandles.lookup().findVarHandle(CompletionQueue.class, "head", Chunk.class);
        } catch (ReflectiveOperationException e) {
            throw new ExceptionInInitializerError(e);
        }
    }

    private final Waker reader;
    private volatile Chunk head;
    private volatile boolean gathering;
    /** The writer's. */
    private Chunk filling;

    CompletionQueue(Waker reader) {
        this.reader = reader;
    }

    /** Roots and how they ended. */
    static final class Chunk {
        long[] roots = new long[64];
        byte[] kinds = new byte[64];
        int count;
        private Chunk next;

        Chunk next() {
            return next;
        }

        private void add(long root, int kind) {
            if (count == roots.length) {
                roots = Arrays.copyOf(roots, 2 * count);
                kinds = Arrays.copyOf(kinds, 2 * count);
            }
            roots[count] = root;
            kinds[count] = (byte) kind;
            count++;
        }
    }

    /** Adds to the chunk in the making. Thread: the writer. */
    void fill(long root, int kind) {
        if (filling == null) {
            filling = new Chunk();
        }
        filling.add(root, kind);
    }

    /** Hands over the chunk in the making, if there is one. Thread: the writer. */
    void pushFilled() {
        Chunk chunk = filling;
        if (chunk == null) {
            return;
        }
        filling = null;
        Chunk old;
        do {
            old = head;
            chunk.next = old;
        } while (!HEAD.compareAndSet(this, old, chunk));
        if (!gathering) {
            reader.wake();
        }
    }

    /**
     * Thread: the reader, before it prepares to sleep. While it gathers, completions do not end its sleep.
     */
    void gather(boolean on) {
        if (gathering != on) {
            gathering = on;
        }
    }

    /** There is something that the reader should not sleep for. Thread: the reader. */
    boolean isDue() {
        return head != null && !gathering;
    }

    /** All chunks, oldest first; null when empty. Thread: the reader. */
    Chunk takeAll() {
        if (head == null) {
            return null;
        }
        Chunk chunk = (Chunk) HEAD.getAndSet(this, null);
        Chunk result = null;
        while (chunk != null) {
            Chunk older = chunk.next;
            chunk.next = result;
            result = chunk;
            chunk = older;
        }
        return result;
    }
}
