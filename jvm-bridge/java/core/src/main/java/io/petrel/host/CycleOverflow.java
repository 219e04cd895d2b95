package io.petrel.host;

import io.petrel.host.codec.BatchReader;

/** Sections of other hosts that found no room in their cycle: their trees fail, their credit returns. Thread: that of the links. */
final class CycleOverflow {
    private final TaskLinks links;
    private final BatchReader reader;
    /** Null when nothing is tracked. */
    private final AckBatch acks;

    CycleOverflow(Services services) {
        links = services.links();
        reader = new BatchReader(new LazyOpaqueCodec(services.codecs()));
        acks = Conf.hasAckers(services.conf()) ? new AckBatch(services.ledger(), true) : null;
    }

    void refuse(CycleRoom room, InboundBatch section) {
        byte[] bytes = section.takeEncoded();
        reader.reset(bytes, 0, section.encodedBytes());
        while (acks != null && reader.next()) {
            for (int i = 0; i < reader.anchors(); i++) {
                acks.add(LedgerLink.FAIL, reader.root(i), 0);
            }
        }
        if (acks != null) {
            acks.flush(true);
        }
        room.refuse(section.size());
        links.consumed(section.flowLow(), section.flowHigh(), section.encodedBytes());
    }
}
