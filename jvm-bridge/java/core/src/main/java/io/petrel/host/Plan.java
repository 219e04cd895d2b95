package io.petrel.host;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** The physical plan as this host gets it; the layout is in jvm-bridge/README.md. Immutable. */
public record Plan(String topologyId, String topologyName, long epoch, int containerId, int incarnation, String host,
        int port, String workerId, String codeDir, String pidDir, List<Component> components,
        List<LocalExecutor> executors, List<Container> containers, int slot, List<HostTasks> hosts) {
    public static final int VERSION = 2;

    /** Ends before the slot: all tasks are in one host. */
    private static final int ONE_HOST_VERSION = 1;

    private static final int MAX_STRING = 64 << 20;
    private static final int MAX_ITEMS = 1 << 20;

    /** A component and its tasks: firstTask, firstTask + 1 ... */
    public record Component(
            String name, boolean spout, boolean system, int firstTask, int tasks, int executors, String jsonConf) {}

    /** An executor of this host. */
    public record LocalExecutor(String component, int firstTask, int lastTask) {}

    /** A container of the topology and the tasks in it. */
    public record Container(int id, String host, int port, int[] tasks) {}

    /** A host of the topology: a process with executors, each a range of tasks. */
    public record HostTasks(int slot, int containerId, List<TaskRange> executors) {}

    /** The tasks of an executor. */
    public record TaskRange(int firstTask, int lastTask) {}

    /** What Storm calls the code folder of a context: where a ShellBolt's child runs. */
    public String resourcesDir() {
        return codeDir + "/resources";
    }

    /** @throws IllegalArgumentException with a sentence when the bytes are not a plan */
    public static Plan read(byte[] bytes) {
        Reader in = new Reader(bytes);
        try {
            int version = in.data.readInt();
            if (version != VERSION && version != ONE_HOST_VERSION) {
                throw new IllegalArgumentException("plan version " + version + "; this host reads version " + VERSION);
            }
            boolean hosts = version == VERSION;
            Plan plan = new Plan(in.text(), in.text(), in.data.readLong(), in.data.readInt(), in.data.readInt(),
                    in.text(), in.data.readInt(), in.text(), in.text(), in.text(), in.components(), in.executors(),
                    in.containers(), hosts ? in.data.readInt() : 0, hosts ? in.hosts() : List.of());
            if (in.data.available() != 0) {
                throw new IllegalArgumentException(in.data.available() + " bytes behind the end of the plan");
            }
            return plan;
        } catch (IOException e) {
            throw new IllegalArgumentException("the plan ends early, after " + bytes.length + " bytes", e);
        }
    }

    private static final class Reader {
        final DataInputStream data;

        Reader(byte[] bytes) {
            data = new DataInputStream(new ByteArrayInputStream(bytes));
        }

        String text() throws IOException {
            int length = data.readInt();
            if (length < 0 || length > MAX_STRING || length > data.available()) {
                throw new IllegalArgumentException(
                        "a string of " + length + " bytes in the plan, where " + data.available() + " are left");
            }
            byte[] bytes = new byte[length];
            data.readFully(bytes);
            return new String(bytes, StandardCharsets.UTF_8);
        }

        List<Component> components() throws IOException {
            int n = count(18);
            List<Component> result = new ArrayList<>(n);
            for (int i = 0; i < n; i++) {
                result.add(new Component(text(), data.readByte() == 1, data.readByte() != 0, data.readInt(),
                        data.readInt(), data.readInt(), text()));
            }
            return result;
        }

        List<LocalExecutor> executors() throws IOException {
            int n = count(12);
            List<LocalExecutor> result = new ArrayList<>(n);
            for (int i = 0; i < n; i++) {
                LocalExecutor executor = new LocalExecutor(text(), data.readInt(), data.readInt());
                if (executor.lastTask() < executor.firstTask() || executor.lastTask() > RootIds.MAX_TASK) {
                    throw new IllegalArgumentException("the plan has an executor with the tasks " + executor.firstTask()
                            + " to " + executor.lastTask());
                }
                result.add(executor);
            }
            return result;
        }

        List<Container> containers() throws IOException {
            int n = count(16);
            List<Container> result = new ArrayList<>(n);
            for (int i = 0; i < n; i++) {
                int id = data.readInt();
                String host = text();
                int port = data.readInt();
                int[] tasks = new int[count(4)];
                for (int t = 0; t < tasks.length; t++) {
                    tasks[t] = data.readInt();
                }
                result.add(new Container(id, host, port, tasks));
            }
            return result;
        }

        List<HostTasks> hosts() throws IOException {
            int n = count(12);
            List<HostTasks> result = new ArrayList<>(n);
            for (int i = 0; i < n; i++) {
                int slot = data.readInt();
                int container = data.readInt();
                int executors = count(8);
                List<TaskRange> ranges = new ArrayList<>(executors);
                for (int e = 0; e < executors; e++) {
                    TaskRange range = new TaskRange(data.readInt(), data.readInt());
                    if (slot < 0 || range.firstTask() < 1 || range.lastTask() < range.firstTask()
                            || range.lastTask() > RootIds.MAX_TASK) {
                        throw new IllegalArgumentException("the plan has host " + slot + " with an executor of the tasks "
                                + range.firstTask() + " to " + range.lastTask());
                    }
                    ranges.add(range);
                }
                result.add(new HostTasks(slot, container, ranges));
            }
            return result;
        }

        /** A count of items of at least so many bytes each: what does not fit is refused before it is allocated. */
        private int count(int itemBytes) throws IOException {
            int n = data.readInt();
            if (n < 0 || n > MAX_ITEMS || (long) n * itemBytes > data.available()) {
                throw new IllegalArgumentException(
                        "a list of " + n + " items in the plan, where " + data.available() + " bytes are left");
            }
            return n;
        }
    }
}
