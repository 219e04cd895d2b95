package io.petrel.topologies.flow;

import org.apache.storm.topology.OutputFieldsDeclarer;
import org.apache.storm.tuple.Tuple;
import org.apache.storm.utils.Utils;

/** The bolts of the flow topologies. */
final class Bolts {
    static final String BACK = "back";

    private Bolts() {
    }

    /** Passes each tuple on so many times; once it is to be quick, once. */
    static final class Fan extends Counted {
        private final int times;

        Fan(String folder, int times) {
            super(folder);
            this.times = times;
        }

        @Override
        void handle(Tuple tuple) {
            for (int i = isQuick() ? 1 : times; i > 0; i--) {
                emit("default", tuple, tuple.getValue(0));
            }
            collector.ack(tuple);
        }
    }

    /** The end of a path. Sleeps so long for each tuple. */
    static final class Sink extends Counted {
        private final int sleepMicros;

        Sink(String folder, int sleepMicros) {
            super(folder);
            this.sleepMicros = sleepMicros;
        }

        @Override
        void handle(Tuple tuple) {
            sleepMicros(sleepMicros);
            collector.ack(tuple);
        }
    }

    /** Half of a cycle: passes on what comes from outside and what comes back. */
    static final class Enter extends Counted {
        Enter(String folder) {
            super(folder);
        }

        @Override
        void handle(Tuple tuple) {
            emit("default", tuple, tuple.getValue(0));
            collector.ack(tuple);
        }
    }

    /** The other half: feeds so many percent of its tuples back, and shows each to the sink. */
    static final class Feed extends Counted {
        private final int gainPercent;
        private final int sleepMicros;
        private long owed;

        Feed(String folder, int gainPercent, int sleepMicros) {
            super(folder);
            this.gainPercent = gainPercent;
            this.sleepMicros = sleepMicros;
        }

        @Override
        void handle(Tuple tuple) {
            sleepMicros(sleepMicros);
            for (owed += gainPercent; owed >= 100; owed -= 100) {
                emit(BACK, tuple, tuple.getValue(0));
            }
            collector.ack(tuple);
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
            declarer.declareStream(BACK, FIELDS);
        }
    }

    /** Emits the time with its first tuple, and sleeps so long with its second. */
    static final class Sleeper extends Counted {
        private final long sleepMillis;

        Sleeper(String folder, long sleepMillis) {
            super(folder);
            this.sleepMillis = sleepMillis;
        }

        @Override
        void handle(Tuple tuple) {
            if (executed == 1) {
                emit("default", tuple, System.nanoTime());
            } else {
                Utils.sleep(sleepMillis);
            }
            collector.ack(tuple);
        }
    }

    /** Publishes how long the times that it gets have been under way, in microseconds: those of this host, then the others. */
    static final class Arrivals extends Counted {
        private final StringBuilder local = new StringBuilder();
        private final StringBuilder remote = new StringBuilder();

        Arrivals(String folder) {
            super(folder);
        }

        @Override
        void handle(Tuple tuple) {
            long micros = (System.nanoTime() - tuple.getLong(0)) / 1000;
            (context.getThisWorkerTasks().contains(tuple.getSourceTask()) ? local : remote).append(' ').append(micros);
            collector.ack(tuple);
        }

        @Override
        String published() {
            return "local" + local + "\nremote" + remote + "\n";
        }

        @Override
        public void declareOutputFields(OutputFieldsDeclarer declarer) {
        }
    }
}
