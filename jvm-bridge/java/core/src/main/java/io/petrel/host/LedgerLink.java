package io.petrel.host;

import java.nio.ByteBuffer;

/** The way to the ack ledger. The layout of records is in jvm-bridge/README.md. Thread: any. */
public interface LedgerLink {
    int RECORD_BYTES = 32;

    byte INIT = 1;
    byte ACK = 2;
    byte FAIL = 3;
    byte RESET = 4;

    int DONE_ACK = 1;
    int DONE_FAIL = 2;
    int DONE_TIMEOUT = 3;
    int DONE_HOST_LOST = 4;

    int COMPLETION_BYTES = 16;

    /** Before the first emit of a spout task. 0 = no time-outs. */
    void open(int spoutTask, long timeoutMillis);

    /** How many losses of hosts are known here: what records are stamped with. */
    default int lossNumber() {
        return 0;
    }

    /**
     * A batch of records at the start of a direct little-endian buffer; copied before it returns. Nobody attends to them before
     * {@link #recorded}, which the writer calls within a moment.
     */
    void records(ByteBuffer direct, int bytes);

    /**
     * What was given waits no longer.
     *
     * @param here the caller stands between two calls of user code: the ledger may run, and complete trees, before this returns
     */
    void recorded(boolean here);
}
