package io.petrel.host.storm2;

import java.util.Map;
import org.apache.storm.policy.IWaitStrategy;

/** A user's wait strategy that does not wait. */
public class CountingWait implements IWaitStrategy {
    static int calls;

    @Override
    public void prepare(Map<String, Object> conf, WaitSituation situation) {}

    @Override
    public int idle(int count) {
        calls++;
        return count + 1;
    }
}
