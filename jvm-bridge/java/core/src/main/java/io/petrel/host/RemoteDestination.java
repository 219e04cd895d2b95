package io.petrel.host;

/** A task of another host, as one executor reaches it. */
final class RemoteDestination implements Destination {
    /** A refused batch is offered again after this time even when nobody told of credit. */
    private static final long RETRY_NANOS = 100_000_000L;

    private final TaskLinks links;
    private final HostClock clock;
    private final CreditNews news;
    private final int sourceExecutor;
    private final int group;
    private final int task;
    private final int lane;
    /** The news at the last refusal. Benign when another thread overwrites it: then one offer more is made. */
    private volatile long refusedAt = -1;

    private volatile long refusedNanos;

    /**
     * @param news of credit for the source executor
     * @param sourceExecutor first task of the emitting executor
     * @param inner the edge is inside a cycle
     */
    RemoteDestination(TaskLinks links, HostClock clock, CreditNews news, int sourceExecutor, int group, int task,
            boolean inner) {
        this.links = links;
        this.clock = clock;
        this.news = news;
        this.sourceExecutor = sourceExecutor;
        this.group = group;
        this.task = task;
        this.lane = inner ? 1 : 0;
    }

    @Override
    public int group() {
        return group;
    }

    @Override
    public boolean isRemote() {
        return true;
    }

    @Override
    public boolean handOver(OpenBatch batch) {
        long at = news.number();
        if (refusedAt == at && clock.nanos() - refusedNanos < RETRY_NANOS) {
            // An offer copies the bytes: not again and again while nothing has changed.
            return false;
        }
        EncodedBatch encoded = (EncodedBatch) batch;
        int start = encoded.sectionStart();
        boolean marker = encoded.isMarker();
        // Tuples carry their source tasks themselves; the section is their executor's.
        int answer = links.offer(sourceExecutor, marker ? encoded.sourceTask() : sourceExecutor, task, lane,
                marker ? TaskLinks.MARKER : TaskLinks.TUPLES, marker ? 0 : encoded.size(), encoded.data(), start,
                encoded.sectionEnd() - start, encoded.more);
        switch (answer) {
            case TaskLinks.TAKEN:
                refusedAt = -1;
                return true;
            case TaskLinks.NO_CREDIT:
                refusedNanos = clock.nanos();
                refusedAt = at;
                return false;
            case TaskLinks.TOO_LARGE:
                throw new IllegalStateException("a tuple of " + (encoded.sectionEnd() - start) + " bytes for task " + task
                        + " is larger than the links of this host take; send it in parts");
            default:
                throw new IllegalStateException("the links of this host know no task " + task);
        }
    }

    /** Whoever was refused hears of credit ({@link CreditNews}). */
    @Override
    public void await(Waker writer) {}

    @Override
    public void wake() {
        links.offered();
    }

    @Override
    public OpenBatch markerBatch(Marker marker) {
        return new EncodedBatch(marker);
    }

    @Override
    public int task() {
        return task;
    }
}
