"""The rules of the tree as functions over a root folder; each returns findings, one sentence each. tidy_test.py runs
them on this tree, and on small trees that break them."""
import pathlib
import re
import subprocess

CODE = ("native", "storm-compat", "jvm-bridge/native", "tests")
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
HEADINGS = ["What comes in", "What goes out", "Which thread owns it", "How to add one"]
MAX_LINES = 800

# (what, pattern, use instead, files that may)
BANNED = [
    ("clock", r"\b(system|steady|high_resolution)_clock::now\b", "a Clock& argument", r"native/base/clock\.cc"),
    ("clock", r"\b(gettimeofday|clock_gettime)\s*\(", "a Clock& argument", r"native/base/clock\.cc"),
    ("randomness", r"\bstd::(random_device|mt19937\w*)\b|\bs?rand\s*\(\s*\)?", "an Rng& argument", r"native/base/rng.*"),
    ("unbounded copy", r"\b(strcpy|strcat|sprintf|vsprintf|gets|strtok)\s*\(", "std::string, fmt::format", None),
    ("silent parse", r"\b(atoi|atol|atoll|atof)\s*\(", "std::from_chars", None),
    ("shell", r"\b(std::system|popen)\s*\(|(?<![\w:.>])system\s*\(", "ProcessLauncher", None),
    ("process start", r"(?<![\w:.>])(::)?(v?fork|posix_spawnp?|exec[lv]p?e?)\s*\(", "ProcessLauncher",
     r"native/container/.*|native/bin/java_launch\.cc|native/bin/.*exec.*|tests/sim/sim_workers\.cc"),
    ("detached thread", r"\.detach\(\)", "a thread that somebody joins", None),
    ("assert", r"(?<![_\w])assert\s*\(", "CHECK", None),
    ("sleep", r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(", "a timer of the Reactor", r"native/base/clock\.cc|.*_test\.cc|tests/.*"),
]
# Text that no file may hold. The pieces are put together here so that this file does not hold them either.
MACHINE = ["/wo" + "rk/", "/tmp/pe" + "trel", "repo1." + "maven.org", "repo." + "maven.apache.org", "deb." + "debian.org",
           "files." + "pythonhosted.org"]


def tracked(root):
    """Files of the tree: what git knows and what it would take in."""
    done = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True)
    if done.returncode == 0:
        return [p for p in (root / line for line in done.stdout.splitlines()) if p.is_file()]
    return [p for p in root.rglob("*") if p.is_file()]


def code_files(root, *endings):
    return [p for p in tracked(root) if p.suffix in endings and str(p.relative_to(root)).startswith(CODE)]


def read_layers(root):
    lines = (root / "tests/tidy/layers.txt").read_text().splitlines()
    return [line.strip() for line in lines if line.strip() and not line.startswith("#")]


def module_of(path, layers):
    fits = [m for m in layers if path == m or path.startswith(m + "/")]
    return max(fits, key=len) if fits else None


def layer_order(root):
    layers = read_layers(root)
    findings = []
    for file in code_files(root, ".h", ".cc"):
        name = str(file.relative_to(root))
        own = module_of(name, layers)
        if own is None:
            findings.append(f"{name}: its module is not in tests/tidy/layers.txt")
            continue
        for include in INCLUDE.findall(file.read_text(errors="replace")):
            if (file.parent / include).exists() and not (root / include).exists():
                findings.append(f"{name}: #include \"{include}\" is written from its own folder; write it from the root")
                continue
            other = module_of(include, layers)
            if other is not None and layers.index(other) > layers.index(own):
                findings.append(f"{name}: {own} includes {include}, but {other} is a higher layer")
    return findings


def without_comments_and_strings(text):
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"/\*.*?\*/", lambda m: "\n" * m.group().count("\n"), text, flags=re.S)
    return re.sub(r'"(\\.|[^"\\\n])*"', '""', text)


def banned_calls(root):
    findings = []
    for file in code_files(root, ".h", ".cc"):
        name = str(file.relative_to(root))
        for number, line in enumerate(without_comments_and_strings(file.read_text(errors="replace")).splitlines(), 1):
            for what, pattern, instead, allowed in BANNED:
                if re.search(pattern, line) and not (allowed and re.fullmatch(allowed, name)):
                    findings.append(f"{name}:{number}: {what}: `{line.strip()[:80]}`; use {instead}")
    return findings


def readme_headings(root):
    findings = []
    for cmake in sorted((root / "native").glob("*/CMakeLists.txt")):
        folder = cmake.parent
        if folder.name == "bin":
            continue
        readme = folder / "README.md"
        if not readme.exists():
            findings.append(f"native/{folder.name} has no README.md")
            continue
        lines = readme.read_text().splitlines()
        found = [line.lstrip("#").strip() for line in lines if line.startswith("##")]
        if found != HEADINGS:
            findings.append(f"native/{folder.name}/README.md: headings are {found}, not {HEADINGS}")
        if len(lines) > 80:
            findings.append(f"native/{folder.name}/README.md has {len(lines)} lines; a page has 80")
    return findings


def file_length(root):
    findings = []
    for file in tracked(root):
        if file.suffix in (".h", ".cc", ".java", ".py", ".sh", ".cmake") or file.name == "dev":
            count = file.read_bytes().count(b"\n")
            if count > MAX_LINES:
                findings.append(f"{file.relative_to(root)} has {count} lines; {MAX_LINES} is the limit: one noun per file")
    return findings


def header_form(root):
    findings = []
    for file in code_files(root, ".h"):
        text = file.read_text(errors="replace")
        name = file.relative_to(root)
        if "#pragma once" not in text:
            findings.append(f"{name}: no #pragma once")
        if re.search(r"^using namespace", text, re.M):
            findings.append(f"{name}: `using namespace` in a header")
        if not text.lstrip().startswith("//"):
            findings.append(f"{name}: a header begins with a comment that says what it is")
    return findings


def own_header_first(root):
    """x.cc and x_test.cc include x.h before everything else, so that each compile shows that x.h stands alone."""
    findings = []
    for file in code_files(root, ".cc"):
        header = file.with_suffix(".h")
        includes = re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', file.read_text(errors="replace"), re.M)
        if header.exists() and includes and includes[0] != str(header.relative_to(root)):
            findings.append(f"{file.relative_to(root)}: its first include is {includes[0]}, not {header.relative_to(root)}")
    return findings


def built_sources(root):
    """Every .cc is named in a CMakeLists.txt of its folder or above: a test that nobody builds shows nothing."""
    findings = []
    for file in code_files(root, ".cc"):
        folder, seen = file.parent, False
        while not seen and folder != root.parent:
            lists = folder / "CMakeLists.txt"
            seen = lists.exists() and re.search(rf"(?<![\w.]){re.escape(file.name)}|GLOB", lists.read_text()) is not None
            folder = folder.parent
        if not seen:
            findings.append(f"{file.relative_to(root)} is in no CMakeLists.txt")
    return findings


def machine_names(root):
    findings = []
    for file in tracked(root):
        if file.stat().st_size > 2_000_000:
            continue
        text = file.read_bytes().decode("utf-8", "replace")
        findings += [f"{file.relative_to(root)} names {word}" for word in MACHINE if word in text]
    return findings


def suppressions(root):
    findings, previous, rules = [], "", 0
    for line in (root / "tests/suppressions.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            rules += 1
            if "#" not in line and not previous.startswith("#"):
                findings.append(f"suppressions.txt: `{line}` has no reason")
        previous = line
    if rules > 10:
        findings.append(f"suppressions.txt has {rules} rules; ten is the limit")
    return findings


def scripts(root):
    findings = []
    for file in tracked(root):
        head = file.read_bytes()[:80].split(b"\n")[0]
        if head.startswith(b"#!") and head not in (b"#!/usr/bin/python3", b"#!/usr/bin/env bash", b"#!/bin/sh"):
            findings.append(f"{file.relative_to(root)}: {head.decode('utf-8', 'replace')}; use #!/usr/bin/python3 or #!/usr/bin/env bash")
    return findings


def setting_keys(root):
    """A key of ours that code reads and no table explains; a row of a table that nothing reads."""
    key = re.compile(r'"([a-z]+(?:\.[a-z_]+)+)"')
    row = re.compile(r'\{"([a-z.]+)",[^&]*&Settings::(\w+)')
    tables = ("native/config/settings.cc", "native/config/topology_settings.cc")
    product = {str(p.relative_to(root)): p.read_text() for p in tracked(root)
               if p.suffix in (".cc", ".h", ".java") and not re.search(r"_test\.|/test/|^(tests|topologies)/", str(p.relative_to(root)))}
    rows = dict(row.findall(product.get(tables[0], "")))  # key -> member
    rows.update(dict.fromkeys(key.findall(product.get(tables[1], ""))))
    readers = {name: text for name, text in product.items() if not name.startswith("native/config/")}
    read = {k: name for name, text in readers.items() for k in key.findall(text)}
    unread = [k for k, member in rows.items()
              if k not in read and not (member and any(re.search(rf"\b{member}\b", text) for text in readers.values()))]
    return ([f"{read[k]} reads {k}, which has no row in {' or '.join(tables)}"
             for k in sorted(read) if k.startswith("petrel.") and k not in rows]
            + [f"nothing reads {k}, which has a row in a table of settings" for k in sorted(unread)])
