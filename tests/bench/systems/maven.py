"""Jars of the peers: from Maven by coordinates into build/, and what we compile against them."""
import subprocess

from harness.cluster import ROOT, TOPOLOGIES

BENCH = ROOT / "tests" / "bench"


def fetch(folder, coordinates, without=()):
    """Copies the artifacts and what they need into the folder, once; `without`: patterns of jars to leave out."""
    stamp = folder / ".complete"
    wanted = "\n".join(coordinates) + "\n"
    if stamp.exists() and stamp.read_text() in (wanted, ""):
        return
    folder.mkdir(parents=True, exist_ok=True)
    pom = folder / "pom.xml"
    pom.write_text(pom_text(coordinates))
    subprocess.run(["mvn", "-B", "-ntp", "-q", "-f", str(pom), "dependency:copy-dependencies", "-DincludeScope=runtime",
                    f"-DoutputDirectory={folder}"], check=True)
    for pattern in without:
        for jar in folder.glob(pattern):
            jar.unlink()
    stamp.write_text(wanted)


def compile_java(source, jars, target):
    """Our class against the jars and the topologies' (Meter, Words) into the jar `target`; again when a source is newer."""
    if target.exists() and target.stat().st_mtime > max(source.stat().st_mtime, TOPOLOGIES.stat().st_mtime):
        return
    classes = target.with_suffix(".classes")
    classes.mkdir(parents=True, exist_ok=True)
    subprocess.run(["javac", "-nowarn", "-Xlint:none", "--release", "17", "-cp", f"{jars}/*:{TOPOLOGIES}", "-d", str(classes), str(source)],
                   check=True)
    subprocess.run(["jar", "cf", str(target), "-C", str(classes), "."], check=True)


def pom_text(coordinates):
    # storm-clojure's own dependencies are not on Maven Central; nothing here needs it.
    rows = "".join("<dependency><groupId>{}</groupId><artifactId>{}</artifactId><version>{}</version><exclusions><exclusion>"
                   "<groupId>org.apache.storm</groupId><artifactId>storm-clojure</artifactId></exclusion></exclusions></dependency>"
                   .format(*c.split(":")) for c in coordinates)
    return ('<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>bench</groupId>'
            f"<artifactId>bench</artifactId><version>1</version><packaging>pom</packaging><dependencies>{rows}</dependencies></project>")
