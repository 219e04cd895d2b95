"""Rows, bars and void runs from made-up runs."""
import json
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bars  # noqa: E402
import bench  # noqa: E402
import cells  # noqa: E402
import document  # noqa: E402
import rows  # noqa: E402


def run(rate=20e6, cpu=0.07, others=0.0, **more):
    return {"rate": rate, "cpu": cpu, "rss": 300e6, "others": others, "cores": 0.01, "start": 1.0, **more}


def cell(name):
    found, = [c for c in cells.all_cells() if c.name == name]
    return found


def rows_by_name(name, results):
    return {row["name"]: row for row in rows.rows_of(cell(name), results)}


GOOD = run(8.9e6, 0.185)  # Storm where its figure is


def wc(own, tuned, default=None):
    return rows_by_name("wc.1c.noack", {("petrel", ""): own, ("storm", "default"): default or [run(7e6, 0.25)] * len(own),
                                        ("storm", "tuned"): tuned})


def test_medians_ratios_and_bars():
    own = [run(16e6, 0.09), run(20e6, 0.07), run(30e6, 0.08)]
    found = wc(own, [GOOD] * 3)
    rate, cpu = found["wc.1c.noack.storm.rate"], found["wc.1c.noack.storm.cpu"]
    assert (rate["value"], rate["min"], rate["max"], rate["runs"]) == (20e6, 16e6, 30e6, [16e6, 20e6, 30e6])
    assert (rate["peer"], rate["variant"], rate["peer_value"]) == ("storm", "tuned", 8.9e6)
    assert rate["ratio"] == pytest.approx(20 / 8.9) and rate["bar"] == 1.8 and rate["met"] is True
    assert cpu["ratio"] == pytest.approx(0.08 / 0.185) and cpu["bar"] == 0.45 and cpu["met"] is True
    assert found["wc.1c.noack.storm.rss"]["value"] == 300 and found["wc.1c.noack.storm.rss"]["bar"] is None
    # More is better for a rate, less for all else.
    slow = wc([run(15e6, 0.09)] * 3, [GOOD] * 3)
    assert slow["wc.1c.noack.storm.rate"]["met"] is False and slow["wc.1c.noack.storm.cpu"]["met"] is False


def test_the_better_settings_of_the_peer_count_for_each_metric():
    found = wc([run()] * 3, [GOOD] * 3, [run(9.9e6, 0.25)] * 3)
    assert found["wc.1c.noack.storm.rate"]["variant"] == "default"
    assert found["wc.1c.noack.storm.cpu"]["variant"] == "tuned"
    assert found["wc.1c.noack.storm.rate"]["variants"] == {"default": 9.9e6, "tuned": 8.9e6}


@pytest.mark.parametrize("bad, why", [
    (run(8.9e6, 0.245), "CPU 0.245 s per million is more than 20% off 0.17-0.2"),
    (run(8.9e6, 0.13), "CPU 0.13 s per million is more than 20% off"),
    (run(5.4e6, 0.185), "5.4 M/s is below 65% of 8.5 M/s"),
    (run(8.9e6, 0.185, others=0.31), "others used 0.31 cores"),
    ({"error": "storm: no tuple within 120 s"}, "no tuple within 120 s")])
def test_what_makes_a_run_void(bad, why):
    row = wc([run(9e6), run(20e6), run(21e6)], [bad, GOOD, GOOD])["wc.1c.noack.storm.rate"]
    assert row["dropped"] and why in row["dropped"][0] and row["dropped"][0].startswith("run 1: storm tuned: ")
    assert row["value"] == 20.5e6 and row["void"] == [] and row["met"] is True  # the round is gone for both
    row = wc([run()] * 3, [bad] * 3)["wc.1c.noack.storm.rate"]
    assert len(row["void"]) == 3 and row["met"] is None and row["value"] == 20e6


@pytest.mark.parametrize("near", [run(8.9e6, 0.2399), run(8.9e6, 0.1361), run(5.6e6, 0.185), run(8.9e6, 0.185, others=0.29)])
def test_what_does_not(near):
    assert wc([run()] * 3, [near] * 3)["wc.1c.noack.storm.rate"]["dropped"] == []


def test_only_the_settings_that_the_figure_was_measured_with_are_held_against_it():
    assert wc([run()] * 3, [GOOD] * 3, [run(1e6, 5.0)] * 3)["wc.1c.noack.storm.cpu"]["void"] == []


def test_busy_rounds_are_marked_and_void_above_the_limit():
    found = wc([run(others=0.16), run(), run(others=0.31)], [GOOD, run(8.9e6, 0.185, others=0.2), GOOD])
    row = found["wc.1c.noack.storm.rate"]
    assert row["marked"] == 3 and len(row["dropped"]) == 1


def test_an_error_of_petrel_is_never_a_bar_met():
    row = wc([{"error": "it ended"}] * 3, [GOOD] * 3)["wc.1c.noack.storm.rate"]
    assert row["value"] is None and row["met"] is None and row["void"][0] == "run 1: petrel: it ended"


def timed(**times):
    return run(20e3, 8.0, **{f"{stage}.{q}": value for stage in rows.STAGES for q, value in times.items()})


def test_times_have_the_names_of_the_table():
    storm = run(20e3, 35.0, **{f"{s}.{q}": v for s in rows.STAGES for q, v in (("p50", 0.7), ("p99", 3.0), ("p999", 9.0))})
    own = timed(p50=0.3, p99=2.0, p999=3.0)
    found = rows_by_name("lat.2c", {("petrel", ""): [own] * 3, ("storm", "default"): [storm] * 3})
    assert found["lat.sink.2c.p50"]["met"] is True and found["lat.sink.2c.p99"]["met"] is False
    assert found["lat.due.2c.p99"]["met"] is True and found["lat.ack.2c.p99"]["bar"] == 0.5
    assert found["lat.sink.2c.cpu"]["met"] is True and "lat.due.2c.cpu" not in found
    flink = run(20e3, 10.4, **{f"sink.{q}": 2.1 for q in ("p50", "p99", "p999")})
    found = rows_by_name("lat.2c.noack", {("petrel", ""): [own] * 3, ("flink", "1 ms buffers"): [flink] * 3})
    assert found["lat.sink.2c.flink.p99"]["ratio"] == pytest.approx(2.0 / 2.1)
    assert found["lat.due.2c.flink.p99"]["ratio"] is None and not any(name.startswith("lat.ack") for name in found)


def test_bars_for_a_value_itself():
    slow, quick = {"start": 2.5}, {"start": 1.5}
    found = rows_by_name("start", {("petrel", ""): [slow] * 3, ("storm", "default"): [{"start": 12.0}] * 3})
    assert found["start.start"]["met"] is False and found["start.storm.start"]["met"] is True
    assert rows_by_name("start", {("petrel", ""): [quick] * 3})["start.start"]["met"] is True
    idle = rows_by_name("idle", {("petrel", ""): [run(0, cores=0.016)] * 3})["idle.cpu"]
    assert idle["value"] == pytest.approx(1.6) and idle["met"] is True
    assert rows_by_name("idle", {("petrel", ""): [run(0, cores=0.018)] * 3})["idle.cpu"]["met"] is False


def test_a_cell_against_ourselves():
    row = rows_by_name("sources", {("petrel", ""): [run(cpu=0.14)] * 3, ("petrel", "1 x 1"): [run(cpu=0.1)] * 3})["sources.cpu"]
    assert row["ratio"] == pytest.approx(1.4) and row["met"] is False


def test_the_terminal_tells_once_why_runs_do_not_count():
    lines = document.lines(list(wc([run()] * 3, [GOOD, run(8.9e6, 0.5), GOOD]).values()))
    assert len([li for li in lines if "run 2: storm tuned: CPU 0.5 s per million is more than 20% off 0.17-0.2" in li]) == 1


def test_without_a_peer_a_ratio_is_not_judged():
    row = rows_by_name("wc.1c.noack", {("petrel", ""): [run()] * 3})["wc.1c.noack.rate"]
    assert row["value"] == 20e6 and row["bar"] is None and row["met"] is None


def test_every_bar_has_a_cell_that_gives_its_row():
    for bar in bars.BARS:
        names = {(what[0], what[1]) for c in cells.all_cells() for peer in [None, *(p.system for p in c.peers)] for what in rows.wanted(c, peer)}
        for metric in bar.limits:
            assert (bar.row, metric) in names, (bar.row, metric)
        if bar.figure:
            variants = {v for c in cells.all_cells() for p in c.peers for what in rows.wanted(c, p.system) if what[0] == bar.row for v in p.variants}
            assert bar.figure.variant in variants, bar.row


def test_names_of_rows_are_unique():
    names = [f"{what[0]}.{what[1]}" for c in cells.all_cells() for p in c.peers for what in rows.wanted(c, p.system)]
    assert len(names) == len(set(names))


def test_cells_and_their_arguments():
    assert {c.bench for c in cells.all_cells()} == set(cells.NAMES)
    assert not [c for c in cells.choose("all") if c.bench == "wordcount"] and cells.choose("wc", "nothing") == []
    assert [c.name for c in cells.choose("wordcount", "2c")] == ["wordcount.2c-noack", "wordcount.2c-ack10k"]
    arguments = cell("wc.2c.ack1k.2x2").arguments("/folder", {"topology.x": 1})
    assert {"shape=wc", "spouts=2", "bolts=2", "folder=/folder", "source=1", "sink=2", "topology.workers=2", "topology.acker.executors=1",
            "topology.max.spout.pending=1000", "topology.x=1"} <= set(arguments)
    assert not [a for a in cell("wc.1c.noack").arguments("/f", {}) if "pending" in a or "source=" in a]
    for c in cells.all_cells():  # pinned apart, so that every tuple crosses
        assert c.containers != 2 or c.bench == "wordcount" or c.pins["source"] != c.pins.get("split", c.pins["sink"]), c.name


def test_options():
    options = bench.parse(["wc", "--against", "storm,flink"])
    wanted = [(system, variant) for system, variant, _ in bench.systems_of(cell("wc.1c.noack"), options)]
    assert wanted == [("petrel", ""), ("storm", "default"), ("storm", "tuned"), ("flink", "default")]
    assert [v for _, v, _ in bench.systems_of(cell("sources"), bench.parse(["all"]))] == ["", "1 x 1"]
    assert bench.warm_s(cell("lat.1c"), options) == 15 and bench.warm_s(cell("wc.1c.noack"), options) == 10
    for wrong in (["wc", "--against", "heron"], ["wc", "--write-doc", "--runs", "1"], ["wc", "--write-doc", "--window", "3"], ["nothing"]):
        with pytest.raises(SystemExit) as error:
            bench.parse(wrong)
        assert error.value.code == 2
    assert bench.main(["wc", "--cell", "nothing"]) == 2


class Stubborn:
    """A system whose topology does not end."""
    name = "petrel"

    def __init__(self):
        self.calls = []

    def submit(self, name, cell, settings, folder):
        raise RuntimeError("not taken")

    def kill(self):
        raise RuntimeError("it stays")

    def keep_logs(self):
        return "/there"

    def __enter__(self):
        self.calls.append("enter")

    def __exit__(self, *_):
        self.calls.append("exit")
        raise RuntimeError("something is left")


def test_a_system_with_remains_is_started_anew():
    system = Stubborn()
    failed = bench.one(system, "", {}, cell("wc.1c.noack"), 0, bench.parse(["wc"]))
    assert system.calls == ["exit", "enter"] and failed["error"] == "RuntimeError: not taken; logs: /there; then RuntimeError: something is left"
    system.submit = lambda *_: None  # measured without any cell: there are no processes
    system.processes = lambda _: 1 / 0
    assert bench.one(system, "", {}, cell("wc.1c.noack"), 0, bench.parse(["wc"]))["error"].startswith("ZeroDivisionError: ")
    assert bench.end(system, run())["error"].startswith("RuntimeError: it stays; logs: /there")


def test_the_exit_code_tells_whether_every_bar_was_met(monkeypatch, capsys, tmp_path):
    def pretend(own):
        def run_cells(chosen, options, on_rows):
            on_rows(chosen[0], {("petrel", ""): own, ("storm", "default"): [run(7e6, 0.25)] * 3, ("storm", "tuned"): [GOOD] * 3})
        return run_cells
    file = tmp_path / "rows.json"
    for own, code in (([run()] * 3, 0), ([run(1e6)] * 3, 1), ([run(others=0.5)] * 3, 1), ([{"error": "x"}] * 3, 1)):
        monkeypatch.setattr(bench, "run_cells", pretend(own))
        assert bench.main(["wc", "--against", "storm", "--json", str(file)]) == code
    assert '"wc.1c.noack.storm.rate"' in file.read_text()
    assert "void" in capsys.readouterr().out


def test_a_long_run_goes_on_where_it_was_ended(monkeypatch, capsys, tmp_path):
    measured = []

    def run_cells(chosen, options, on_rows):
        measured.append([c.name for c in chosen])
        for chosen_cell in chosen[:1]:
            on_rows(chosen_cell, {("petrel", ""): [run()] * 3, ("storm", "tuned"): [GOOD] * 3})
    monkeypatch.setattr(bench, "run_cells", run_cells)
    file = tmp_path / "rows.json"
    arguments = ["wc", "--cell", "wc.1c.noack$|wc.1c.noack.2x2", "--against", "storm", "--json", str(file), "--resume"]
    for _ in range(3):
        bench.main(arguments)
    assert measured == [["wc.1c.noack", "wc.1c.noack.2x2"], ["wc.1c.noack.2x2"], []]
    assert {"wc.1c.noack.storm.rate", "wc.1c.noack.2x2.storm.rate"} <= {row["name"] for row in json.loads(file.read_text())}
    assert "0 cells, 0 runs" in capsys.readouterr().out
    builds = bench.Record(bench.parse(arguments)).builds()
    assert [sum(counts.values()) for counts in builds.values()] == [2] and all(dict(machine)["CPU"] for machine in builds)
    with pytest.raises(SystemExit) as error:
        bench.main([*arguments, "--window", "3"])
    assert error.value.code == 2 and "would not compare" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        bench.parse(["wc", "--resume"])


def test_no_cell_is_begun_that_would_not_be_done_in_time(capsys):
    options = bench.parse(["wc", "--minutes", "2"])
    assert bench.seconds_of(cell("wc.1c.noack"), options) == 3 * (10 + 20 + 15)
    bench.run_cells([cell("wc.1c.noack")], options, lambda *_: 1 / 0)
    assert "wc.1c.noack is not begun" in capsys.readouterr().out


def test_the_document_has_each_bar_beside_its_row():
    found = rows.rows_of(cell("wc.1c.noack"), {("petrel", ""): [run(1e6), run(2e6), run(3e6)], ("storm", "tuned"): [GOOD, run(9e6, 5.0), GOOD]})
    builds = {(("CPU", "2 x Made Up"),): {("abc123", "2026-01-02"): 5}, (("CPU", "2 x Another"),): {("abc123", "2026-01-03"): 1}}
    text = document.text(found, builds, bench.parse(["wc"]))
    line, = [li for li in text.splitlines() if li.startswith("| `wc.1c.noack.storm.rate`")]
    assert "1.00 M / **2.00 M** / 3.00 M" in line and "| >= 1.8x |" in line and "missed" in line and "run 2: storm tuned: CPU 5 s per million" in line
    assert "1 of 2 bars met, 1 missed, 0 not judged" in text
    assert "2 x Made Up\n- Petrel: 5 cells with abc123 on 2026-01-02\n- CPU: 2 x Another\n- Petrel: 1 cells" in text and "topology.producer.batch.size=100" in text
