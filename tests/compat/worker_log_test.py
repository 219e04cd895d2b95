"""The log checker against logs that are written here: a good one passes, each kind of damage is found."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import perf_shapes  # noqa: E402
import worker_log  # noqa: E402


class Writer:
    """Writes what Storm's debug lines would be for a chain of components, with one damage if asked for."""

    def __init__(self):
        self.lines = []

    def line(self, logger, thread, text):
        self.lines.append(f"2026-01-02 03:04:05.678 {logger} {thread} [INFO] {text}")

    def emit(self, component, task, values):
        self.line("o.a.s.d.Task", thread(component, task),
                  f"Emitting Tuple: taskId={task} componentId={component} stream=default values=[{values}]")

    def receive(self, source, component, task, values, ack=True):
        text = tuple_text(source, values)
        self.line("o.a.s.e.Executor", thread(component, task), f"Processing received TUPLE: {text} for TASK: {task} ")
        if ack:
            self.line("o.a.s.e.b.BoltOutputCollectorImpl", thread(component, task), f"BOLT ack TASK: {task} TIME: 0 TUPLE: {text}")
        self.line("o.a.s.e.b.BoltExecutor", thread(component, task), f"Execute done TUPLE {text} TASK: {task} DELTA: 0")

    def spout_ack(self, component, task, message):
        self.line("o.a.s.e.s.SpoutExecutor", thread(component, task), f"SPOUT Acking message 4711 {message}")

    def log(self):
        log = worker_log.Log()
        for line in self.lines:
            log.add(line)
        return log


def thread(component, task):
    return f"Thread-14-{component}-executor[{task}, {task}]"


def tuple_text(source, values):
    return (f"source: {source}:2, stream: default, id: {{-3712=9182}}, [{values}] PROC_START_TIME(sampled): 17 "
            "EXEC_START_TIME(sampled): null")


def word_count_log(damage, text):
    writer, counts = Writer(), {}
    lines = text.read_text().splitlines()
    for i in range(300):
        sentence = lines[i % len(lines)]
        broken = damage if i == 250 else None
        writer.emit("spout", 3, "something else" if broken == "value" else sentence)
        if broken != "lost root":
            writer.receive("spout", "splitter", 5, sentence, ack=broken != "no ack")
        words = [] if broken in ("no emit", "lost root") else sentence.split()
        for n, word in enumerate(words):
            task = 8 if broken == "wrong task" and n == 0 else 7
            writer.emit("splitter", 5, word)
            if broken == "lost child" and n == 0:
                continue
            writer.receive("splitter", "counter", task, word)
            if broken == "twice" and n == 0:
                writer.receive("splitter", "counter", task, word)
            counts[word] = counts.get(word, 0) + 1
            writer.emit("counter", task, f"{word}, {counts[word] + (broken == 'wrong count' and n == 0)}")
        if broken != "no spout ack":
            writer.spout_ack("spout", 3, "5" if broken == "ack twice" else i)
        if broken == "fail":
            writer.line("o.a.s.e.s.SpoutExecutor", thread("spout", 3), "SPOUT Failing -12 : null REASON: TIMEOUT")
    return writer.log()


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text("\n".join(perf_shapes.LINES) + "\n")
    return path


def test_a_good_log_has_no_finding(text):
    assert worker_log.check(word_count_log(None, text), perf_shapes.file_read(text)) == []


@pytest.mark.parametrize("damage", ["value", "lost root", "no ack", "no emit", "lost child", "twice", "wrong count",
                                    "wrong task", "no spout ack", "ack twice", "fail"])
def test_damage_is_found(text, damage):
    assert worker_log.check(word_count_log(damage, text), perf_shapes.file_read(text))


def test_an_empty_log_is_void(text):
    findings = worker_log.check(worker_log.Log(), perf_shapes.file_read(text))
    assert findings and findings[0].startswith("void")


def test_lines_that_are_no_debug_lines_are_left_alone(text):
    log = worker_log.Log()
    for line in ["", "java.lang.RuntimeException: x", "2026-01-02 03:04:05.678 o.a.s.X main [WARN] Emitting nothing",
                 "2026-01-02 03:04:05.678 o.a.s.d.Task " + thread("__acker", 1) +
                 " [INFO] Emitting Tuple: taskId=1 componentId=__acker stream=__ack_ack values=[1, 2]"]:
        log.add(line)
    assert not log.emits and not log.received
