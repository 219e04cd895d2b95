"""docs/features.md names tests; each of them is there. A table that names a test that was renamed shows nothing."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDERS = ("jvm-bridge", "native", "storm-compat", "tests")


def sources(root, pattern):
    return [f for folder in FOLDERS for f in sorted((root / folder).rglob(pattern)) if not {"target", "build"} & set(f.parts)]


def known_tests(root):
    """({JUnit class: its methods}, every name of a C++ or Python test program and of its cases)."""
    java = {f.stem: set(re.findall(r"^    (?:public )?(?:void|Stream<\w+>) (\w+)\(", f.read_text(), re.M)) for f in sources(root, "*Test.java")}
    others = set()
    for file in sources(root, "*_test.cc"):
        others.add(file.stem)
        others.update(f"{a}.{b}" for a, b in re.findall(r"^TEST(?:_[FP])?\((\w+),\s*(\w+)\)", file.read_text(), re.M))
    for file in sources(root, "*_test.py"):
        others.add(file.stem)
        others.update(f"{file.stem}.{name}" for name in re.findall(r"^def (test_\w+)", file.read_text(), re.M))
    return java, others


def wrong_names(text, java, others):
    """What the second column names and nobody has. `.method` belongs to the class before it, `...` cuts a name short."""
    wrong = []
    for row in (line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")):
        known_class = None
        for name in re.findall(r"`([^`]+)`", row.split("|")[2]):
            words = [w for w in name.rstrip(".").split(".")]
            classes = [w for w in words if w.endswith("Test")]
            if name.startswith("."):
                if known_class is None or not has(java[known_class], words[-1], name.endswith("...")):
                    wrong.append(f"{known_class}{name}")
            elif classes:
                known_class = classes[0] if classes[0] in java else None
                if known_class is None or (words[-1] != known_class and not has(java[known_class], words[-1], name.endswith("..."))):
                    wrong.append(name)
            elif "_test" in name and name not in others:
                wrong.append(name)
    return wrong


def has(methods, name, cut):
    return any(m.startswith(name) if cut else m == name for m in methods)


def test_every_test_of_the_table_is_there():
    java, others = known_tests(ROOT)
    rows = (ROOT / "docs/features.md").read_text()
    assert len([line for line in rows.splitlines() if line.startswith("|")]) > 30
    assert wrong_names(rows, java, others) == []


@pytest.mark.parametrize("cell, wrong", [
    ("`ATest.one`, `.two`", []), ("`x.ATest`, `b_test`, `b_test.C`", []), ("`ATest.tw...`", []), ("`folder/x`", []),
    ("`ATest.three`", ["ATest.three"]), ("`ATest`, `.three`", ["ATest.three"]), ("`BTest`", ["BTest"]), ("`c_test`", ["c_test"]),
    ("`ATest.x...`", ["ATest.x..."]),
])
def test_a_wrong_name_is_found(cell, wrong):
    assert wrong_names(f"| feature | {cell} |", {"ATest": {"one", "two"}}, {"b_test", "b_test.C"}) == wrong
