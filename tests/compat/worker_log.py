"""Reads what `topology.debug` writes into worker.log (Storm's format) and recomputes from it what a topology did.

Nothing here asks the engine: every number comes from a line of the log. check() returns findings, one sentence each;
a run that was too small to show anything is a finding as well ("void").
"""
import collections
import gzip
import re

LINE = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} \S+ (?P<thread>.*?) \[(?P<level>[A-Z]+)\] (?P<text>.*)$")
EXECUTOR = re.compile(r"^Thread-\d+-(?P<component>.+)-executor\[\d+, \d+\]$")
EMIT = re.compile(r"^Emitting Tuple: taskId=(-?\d+) componentId=(.+?) stream=(.+?) values=\[(.*)\]$")
TUPLE = r"source: (?P<source>.+?):(?P<task>-?\d+), stream: (?P<stream>.+?), id: \{(?P<id>.*?)\}, \[(?P<values>.*)\] PROC_START_TIME\(sampled\): \S* EXEC_START_TIME\(sampled\): \S*"
RECEIVED = re.compile(r"^Processing received TUPLE: " + TUPLE + r" for TASK: (?P<at>-?\d+) ?$")
BOLT_END = re.compile(r"^BOLT (?P<what>ack|fail) TASK: (?P<at>-?\d+) TIME: \S* TUPLE: " + TUPLE + "$")
SPOUT_ACK = re.compile(r"^SPOUT Acking message (\S+) (.*)$")
SPOUT_FAIL = re.compile(r"^SPOUT Failing (\S+)")


class Log:
    """Counts of one topology's logs. Keys of the counters: (component, values) or (source, component, values)."""

    def __init__(self):
        self.lines = 0
        self.emits = collections.defaultdict(list)  # component -> [(task, values)] in order of the log
        self.received = collections.Counter()  # (source, component, values)
        self.received_by_task = collections.defaultdict(list)  # (component, task) -> [values]
        self.acked = collections.Counter()  # (source, component, values)
        self.failed = collections.Counter()
        self.spout_acks = collections.defaultdict(list)  # component -> message ids
        self.spout_fails = collections.Counter()

    def read(self, paths):
        for path in paths:
            opener = gzip.open if str(path).endswith(".gz") else open
            with opener(path, "rt", encoding="utf-8", errors="replace") as file:
                for line in file:
                    self.add(line.rstrip("\n"))
        return self

    def add(self, line):
        found = LINE.match(line)
        if not found:
            return
        self.lines += 1
        text = found["text"]
        if text.startswith("Emitting Tuple: "):
            self.add_emit(text)
        elif text.startswith("Processing received TUPLE: "):
            self.add_received(text, found["thread"])
        elif text.startswith("BOLT "):
            self.add_end(text, found["thread"])
        elif text.startswith("SPOUT Acking message "):
            match = SPOUT_ACK.match(text)
            self.spout_acks[component_of(found["thread"])].append(match[2])
        elif SPOUT_FAIL.match(text):
            self.spout_fails[component_of(found["thread"])] += 1

    def add_emit(self, text):
        match = EMIT.match(text)
        if match and not match[3].startswith("__"):
            self.emits[match[2]].append((int(match[1]), match[4]))

    def add_received(self, text, thread):
        match = RECEIVED.match(text)
        if match and not match["stream"].startswith("__"):
            component = component_of(thread)
            self.received[match["source"], component, match["values"]] += 1
            self.received_by_task[component, int(match["at"])].append(match["values"])

    def add_end(self, text, thread):
        match = BOLT_END.match(text)
        if match and not match["stream"].startswith("__"):
            where = self.acked if match["what"] == "ack" else self.failed
            where[match["source"], component_of(thread), match["values"]] += 1


def component_of(thread):
    match = EXECUTOR.match(thread)
    return match["component"] if match else f"thread {thread}"


class Shape:
    """What a topology should have done: its spout, its edges, and for each component what its emits must be."""

    def __init__(self, spout, edges, expected_emits, spout_values):
        self.spout = spout  # component
        self.edges = edges  # [(source, component)]
        self.expected_emits = expected_emits  # component -> function(log) -> Counter of values
        self.spout_values = spout_values  # function(index) -> values of that emit of one spout task


def check(log, shape, least_roots=200):
    findings = []
    roots = log.emits[shape.spout]
    if len(roots) < least_roots:
        return [f"void: the spout {shape.spout} emitted {len(roots)} tuples, {least_roots} are needed to show anything"]
    findings += check_spout(log, shape, roots)
    for source, component in shape.edges:
        sent = collections.Counter(values for _, values in log.emits[source])
        got = counts(log.received, source, component)
        findings += difference(f"{source} -> {component}: received instead of emitted", got, sent)
        findings += difference(f"{component}: acked instead of received from {source}", counts(log.acked, source, component), got)
    if log.failed:
        findings.append(f"{sum(log.failed.values())} tuples were failed by bolts")
    for component, expected in shape.expected_emits.items():
        emitted = collections.Counter(values for _, values in log.emits[component])
        findings += difference(f"{component}: emitted instead of what its input asks for", emitted, expected(log))
    return findings


def check_spout(log, shape, roots):
    findings = []
    acks = log.spout_acks[shape.spout]
    if len(acks) != len(roots):
        findings.append(f"{shape.spout}: {len(roots)} emitted, {len(acks)} acked")
    twice = [k for k, n in collections.Counter(acks).items() if n > 1 and k != "null"]
    if twice and len(set(task for task, _ in roots)) == 1:
        findings.append(f"{shape.spout}: {len(twice)} message ids acked more than once, for example {twice[0]}")
    if log.spout_fails[shape.spout]:
        findings.append(f"{shape.spout}: {log.spout_fails[shape.spout]} fails")
    per_task = collections.defaultdict(list)
    for task, values in roots:
        per_task[task].append(values)
    for task, values in per_task.items():
        wrong = next((i for i, v in enumerate(values) if v != shape.spout_values(i)), None)
        if wrong is not None:
            findings.append(f"{shape.spout} task {task}: emit {wrong} is {values[wrong][:80]!r}, not {shape.spout_values(wrong)[:80]!r}")
    return findings


def counts(counter, source, component):
    result = collections.Counter()
    for (s, c, values), n in counter.items():
        if s == source and c == component:
            result[values] += n
    return result


def difference(what, found, expected):
    if found == expected:
        return []
    missing, extra = expected - found, found - expected
    parts = []
    if missing:
        value, n = missing.most_common(1)[0]
        parts.append(f"{sum(missing.values())} missing, for example [{value[:60]}] x {n}")
    if extra:
        value, n = extra.most_common(1)[0]
        parts.append(f"{sum(extra.values())} too many, for example [{value[:60]}] x {n}")
    return [f"{what}: {'; '.join(parts)} (found {sum(found.values())}, expected {sum(expected.values())})"]


# What the bolts of storm-perf do, computed from the tuples that they received.


def nothing(component):
    return lambda log: collections.Counter()


def identity(component):
    """storm-perf's IdBolt emits the list of values as one value."""
    return lambda log: collections.Counter(f"[{v}]" for (c, _), all_values in log.received_by_task.items() if c == component for v in all_values)


def split_words(component):
    def expected(log):
        words = collections.Counter()
        for (name, _), sentences in log.received_by_task.items():
            if name == component:
                for sentence in sentences:
                    words.update(sentence.split())
        return words
    return expected


def running_counts(component):
    """Each task emits [word, 1], [word, 2], ... in its own count; and a word is in one task only (fields grouping)."""
    def expected(log):
        result, home = collections.Counter(), {}
        for (name, task), words in log.received_by_task.items():
            if name == component:
                for word, n in collections.Counter(words).items():
                    if home.setdefault(word, task) != task:
                        result[f"{word} in tasks {home[word]} and {task}"] += 1
                    result.update(f"{word}, {i}" for i in range(1, n + 1))
        return result
    return expected
