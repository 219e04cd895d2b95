"""The test driver itself: what counts as passed, failed, skipped and crashed."""
import pathlib
import stat
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "driver"))
import cpp_suite  # noqa: E402
import re  # noqa: E402
from tally import Tally  # noqa: E402

JUNIT = """<testsuites><testsuite name="s">
<testcase classname="A" name="good" status="run"/>
<testcase classname="A" name="bad"><failure message="expected 1">text</failure></testcase>
<testcase classname="A" name="broken"><error message="boom"/></testcase>
<testcase classname="A" name="later"><skipped message="no zoo"/></testcase>
<testcase classname="A" name="filtered" status="notrun"/>
</testsuite></testsuites>"""


def program(folder, name, text):
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def run_program(tmp_path, path, pattern=""):
    suite = Tally().suite("cpp")
    runner = cpp_suite.Runner(ROOT, "dev", suite, re.compile(pattern), tmp_path)
    runner.run(cpp_suite.CtestEntry({"name": "x", "command": [path], "properties": [{"name": "TIMEOUT", "value": 20}]}))
    return suite


def test_counts_each_case_once(tmp_path, capsys):
    (tmp_path / "r.xml").write_text(JUNIT)
    tally = Tally()
    suite = tally.suite("s")
    assert suite.add_junit(tmp_path / "r.xml") == 2
    assert (tally.passed(), tally.failed(), len(suite.skipped)) == (1, 2, 1)
    tally.print_end(1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "1 passed, 2 failed"
    assert any("1 SKIPPED" in line for line in lines[:-1])


@pytest.mark.parametrize("text, passed, failed", [("exit 0", 1, 0), ("exit 3", 0, 1), ("kill -SEGV $$", 0, 1)])
def test_plain_program(tmp_path, text, passed, failed):
    suite = run_program(tmp_path, program(tmp_path / "bin", "tool", text))
    assert (suite.passed, len(suite.failures)) == (passed, failed)


def test_a_gtest_binary_that_crashes_before_its_report_fails(tmp_path):
    script = 'if [ "$1" = --gtest_list_tests ]; then echo "G."; echo "  one"; exit 0; fi\nkill -ABRT $$'
    suite = run_program(tmp_path, program(tmp_path / "tests", "crash_test", script))
    assert (suite.passed, len(suite.failures)) == (0, 1)


def test_a_gtest_binary_that_ends_badly_after_a_good_report_fails(tmp_path):
    good = JUNIT.split("<testcase classname=\"A\" name=\"bad\"")[0] + "</testsuite></testsuites>"
    script = ('if [ "$1" = --gtest_list_tests ]; then echo "G."; echo "  one"; exit 0; fi\n'
              f"cat > ${{GTEST_OUTPUT#xml:}} <<'X'\n{good}\nX\nexit 1")
    suite = run_program(tmp_path, program(tmp_path / "tests", "late_test", script))
    assert (suite.passed, len(suite.failures)) == (1, 1)


def test_a_missing_program_fails(tmp_path):
    assert len(run_program(tmp_path, str(tmp_path / "nothing")).failures) == 1


def test_the_filter_leaves_programs_out(tmp_path):
    suite = run_program(tmp_path, program(tmp_path / "bin", "tool", "exit 3"), pattern="^cpp/other")
    assert suite.total() == 0


def test_suppressions_are_split_by_sanitizer(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "suppressions.txt").write_text("# why\nleak:libjvm  # JVM\nrace:foo\nvptr:bar\n")
    cpp_suite.sanitizer_environment(tmp_path, tmp_path)
    assert (tmp_path / "lsan.supp").read_text() == "leak:libjvm\n"
    assert (tmp_path / "tsan.supp").read_text() == "race:foo\n"
    assert (tmp_path / "ubsan.supp").read_text() == "vptr:bar\n"
    assert (tmp_path / "asan.supp").read_text() == ""
