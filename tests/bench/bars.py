"""The bars: what the rows have to reach, and what the peers reached when the bars were set."""
import dataclasses


@dataclasses.dataclass(frozen=True)
class Figure:
    """What a peer reached on a quiet machine of this size: (least, most) million tuples a second and CPU seconds per million."""
    variant: str
    cpu: tuple
    rate: tuple = None


@dataclasses.dataclass(frozen=True)
class Bar:
    """limits: metric -> ratio to the peer; at least that for a rate, at most that for all else. absolute: the value itself."""
    row: str
    limits: dict
    figure: Figure = None
    absolute: bool = False


def throughput(row, rate, cpu, variant=None, peer_rate=None, peer_cpu=None):
    figure = Figure(variant, pair(peer_cpu), pair(peer_rate)) if variant else None
    return Bar(row, {"rate": rate, "cpu": cpu}, figure)


def pair(value):
    return value if isinstance(value, tuple) else (value, value)


BARS = [
    throughput("wc.1c.noack.storm", 1.8, 0.45, "tuned", (8.5, 9.3), (0.17, 0.20)),
    throughput("wc.1c.noack.flink", 1.1, 0.65, "default", 14.0, 0.13),
    throughput("wc.1c.ack.storm", 6, 0.17, "tuned 512 MB", 1.06, 1.56),
    throughput("wc.1c.ack1k.storm", 2, 0.3, "default", 0.73, 1.64),
    throughput("wc.2c.noack.storm", 4, 0.3, "tuned", 2.9, 0.53),
    throughput("wc.2c.noack.flink", 1.0, 1.0, "default", 12.7, 0.144),
    throughput("wc.2c.ack.storm", 6, 0.17, "tuned 512 MB", 0.69, 2.65),
    throughput("wc.1c.ack.flink", 0.7, 1.5, "default", 10.4, 0.15),
    throughput("sent.1c.noack.storm", 2.5, 0.35, "default", 3.4, 0.49),
    throughput("sent.2c.noack.storm", 6, 0.2, "default", 0.95, 1.40),
    throughput("sent.1c.ack.storm", 5, 0.2, "default", 0.91, 1.82),
    throughput("sent.2c.ack.storm", 10, 0.1, "default", 0.26, 7.2),
    throughput("sent.1c.noack.flink", 0.8, 1.2, "default", 10.3, 0.135),
    throughput("chain.1c.noack.storm", 2.5, 0.35, "default", 3.9, 0.39),
    throughput("chain.2c.noack.storm", 5, 0.2, "default", 1.13, 1.05),
    throughput("chain.1c.ack.storm", 6, 0.15, "default", 0.54, 3.1),
    throughput("chain.2c.ack.storm", 10, 0.1, "default", 0.22, 8.4),
    *(throughput(f"{shape}.{c}c.{mode}.storm", 2, 0.5)
      for shape in ("fan.shuffle", "fan.all", "pojo") for c in (1, 2) for mode in ("noack", "ack")),
    throughput("big.1c", 0.95, 1.1),
    throughput("big.2c", 1.0, 1.1),
    Bar("lat.sink.1c", {"p50": 1.5, "p99": 2, "cpu": 0.35}, Figure("default", pair(24))),
    Bar("lat.sink.2c", {"p50": 0.5, "p99": 0.5, "cpu": 0.35}, Figure("default", pair(35))),
    Bar("lat.due.2c", {"p50": 1, "p99": 1}, Figure("default", pair(35))),
    Bar("lat.ack.1c", {"p99": 0.5, "cpu": 0.35}, Figure("default", pair(24))),
    Bar("lat.ack.2c", {"p99": 0.5, "cpu": 0.35}, Figure("default", pair(35))),
    Bar("lat.sink.2c.flink", {"p99": 0.7, "cpu": 1.0}, Figure("1 ms buffers", pair(10.4))),
    # 1 % of a core, and 0.7 % for each spout that polls.
    Bar("idle", {"cpu": 1.7}, absolute=True),
    Bar("idle.4spouts", {"cpu": 3.8}, absolute=True),
    Bar("rss.wc.2c", {"rss": 0.7}),
    Bar("start", {"start": 2}, absolute=True),
    Bar("start.storm", {"start": 0.25}),
    Bar("sources", {"cpu": 1.3}),
    Bar("sources.ack", {"cpu": 1.3}),
]
BY_ROW = {bar.row: bar for bar in BARS}
assert len(BY_ROW) == len(BARS)

CPU_OFF = 0.20  # a peer further off its figure makes the run void
RATE_LEAST = 0.65  # of the figure
BUSY_CORES = 0.15  # other processes: the run is marked
VOID_CORES = 0.3  # other processes: the run is void


def at_least(metric):
    return metric == "rate"


def met(metric, value, limit):
    return value >= limit if at_least(metric) else value <= limit


def why_void(run, figure=None):
    """What makes a run of a system void: a list of reasons. `figure`: what a peer should be near to."""
    if "error" in run:
        return [run["error"]]
    reasons = []
    if run.get("others", 0) > VOID_CORES:
        reasons.append(f"others used {run['others']:.2f} cores, more than {VOID_CORES}")
    if figure:
        least, most = figure.cpu
        if not least * (1 - CPU_OFF) <= run["cpu"] <= most * (1 + CPU_OFF):
            reasons.append(f"CPU {run['cpu']:.3g} s per million is more than {CPU_OFF:.0%} off " + "-".join(dict.fromkeys(f"{c:g}" for c in figure.cpu)))
        if figure.rate and run["rate"] < figure.rate[0] * 1e6 * RATE_LEAST:
            reasons.append(f"{run['rate'] / 1e6:.3g} M/s is below {RATE_LEAST:.0%} of {figure.rate[0]:g} M/s")
    return reasons
