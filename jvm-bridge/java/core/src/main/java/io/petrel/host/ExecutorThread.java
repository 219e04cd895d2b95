package io.petrel.host;

/** The thread of one executor: waits until the topology is first active, prepares, then steps and waits in turn. */
final class ExecutorThread extends Thread {
    private static final long WAIT_NANOS = 1_000_000_000L;

    private final Executor executor;
    private final Runnable onPrepared;
    private volatile boolean stopping;

    /** @param onPrepared called once, when prepare or open has returned */
    ExecutorThread(Executor executor, Runnable onPrepared) {
        this.executor = executor;
        this.onPrepared = onPrepared;
        setName("Thread-" + getId() + "-" + executor.spec().name());
        setContextClassLoader(ClassLoader.getSystemClassLoader());
        setDaemon(true);
    }

    @Override
    public void run() {
        if (executor.parker() instanceof ThreadParker) {
            ((ThreadParker) executor.parker()).adopt(this);
        }
        try {
            if (!awaitActive()) {
                return;
            }
            executor.init();
            onPrepared.run();
            loop();
        } catch (Throwable t) {
            if (!stopping) {
                executor.services().errors().die(executor.spec().component(), executor.spec().firstTask(), t);
            }
        }
    }

    private void loop() throws Exception {
        while (!stopping) {
            if (!executor.runOnce()) {
                executor.idle();
            }
        }
    }

    /** Ends the thread soon; user code sees an interrupt. */
    void end() {
        stopping = true;
        interrupt();
    }

    Executor executor() {
        return executor;
    }

    private boolean awaitActive() throws InterruptedException {
        while (!stopping) {
            if (executor.active) {
                return true;
            }
            executor.waker.prepare();
            if (executor.active) {
                executor.waker.cancel();
                return true;
            }
            executor.waker.sleep(WAIT_NANOS);
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
        }
        return false;
    }
}
