package io.petrel.compat;

import java.util.Map;
import org.apache.storm.hooks.BaseTaskHook;
import org.apache.storm.hooks.info.EmitInfo;
import org.apache.storm.task.TopologyContext;

/** An automatic task hook that makes spouts slow, so that a log of every tuple stays readable: `compat.spout.sleep.ms`. */
public final class SlowSpouts extends BaseTaskHook {
    private long sleepMs;

    @Override
    public void prepare(Map<String, Object> conf, TopologyContext context) {
        boolean spout = context.getRawTopology().get_spouts().containsKey(context.getThisComponentId());
        sleepMs = spout ? ((Number) conf.getOrDefault("compat.spout.sleep.ms", 0)).longValue() : 0;
    }

    @Override
    public void emit(EmitInfo info) {
        if (sleepMs > 0 && !info.stream.startsWith("__")) {
            try {
                Thread.sleep(sleepMs);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }
    }
}
