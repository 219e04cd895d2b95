package io.petrel.host;

/** The queue of an executor of this host. */
final class LocalDestination implements Destination {
    private final ObjectQueue queue;
    private final int group;
    private final int task;
    private final boolean inner;
    private final CycleRoom room;

    /**
     * @param task first task of the executor
     * @param inner the edge is inside a cycle: then it is never refused
     * @param room of the executor's cycle; null outside of one
     */
    LocalDestination(ObjectQueue queue, int group, int task, boolean inner, CycleRoom room) {
        this.queue = queue;
        this.group = group;
        this.task = task;
        this.inner = inner;
        this.room = inner ? room : null;
    }

    @Override
    public int group() {
        return group;
    }

    @Override
    public boolean isRemote() {
        return false;
    }

    @Override
    public boolean handOver(OpenBatch batch) {
        return queue.tryEnqueue((TupleBatch) batch, inner);
    }

    @Override
    public CycleRoom room() {
        return room;
    }

    @Override
    public void await(Waker writer) {
        queue.await(writer);
    }

    @Override
    public void wake() {
        queue.wakeReader();
    }

    @Override
    public OpenBatch markerBatch(Marker marker) {
        return new MarkerBatch(marker);
    }

    @Override
    public int task() {
        return task;
    }
}
