package io.petrel.host;

/**
 * A large section: its bytes stay with the links until its executor takes it, on whose thread they are copied, so that the
 * thread of the links goes on.
 */
final class LargeInboundBatch extends InboundBatch {
    private final TaskLinks links;
    private final long section;

    LargeInboundBatch(TaskLinks links, long section, long flowLow, long flowHigh, int sourceTask, int destinationTask,
            int count, int encodedBytes) {
        super(flowLow, flowHigh, sourceTask, destinationTask, false, count, encodedBytes);
        this.links = links;
        this.section = section;
    }

    @Override
    byte[] takeEncoded() {
        byte[] bytes = new byte[encodedBytes()];
        links.takeSection(section, bytes);
        return bytes;
    }
}
