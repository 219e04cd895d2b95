"""Published jars that the tests run: by Maven coordinates, checksummed, kept outside the tree."""
import hashlib
import pathlib
import subprocess

CACHE = pathlib.Path.home() / ".cache" / "petrel" / "jars"
SHA256 = {
    "org.apache.storm:storm-perf:2.6.0": "bdef93799c0a43dd76711398adbc4072dc2a9ebdf1c26b8da415af6049bb4f70",
    "org.apache.storm:flux-core:2.8.3": "6e769c763908387e3e72d2580941aebd3b071d9df75f7b9576619b8ef2e49b8d",
}


def fetch(coordinates):
    """The jar's path; AssertionError when what Maven gives is not the jar that we know."""
    _, artifact, version = coordinates.split(":")
    path = CACHE / f"{artifact}-{version}.jar"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Version 2.8 takes the jar alone; newer ones read its pom, and the parent of flux-core's was never published.
        subprocess.run(["mvn", "-B", "-ntp", "-q", "org.apache.maven.plugins:maven-dependency-plugin:2.8:copy",
                        f"-Dartifact={coordinates}", "-Dmdep.useBaseVersion=true", f"-DoutputDirectory={CACHE}"],
                       check=True, stdin=subprocess.DEVNULL)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != SHA256[coordinates]:
        path.unlink()
        raise AssertionError(f"{path.name} has sha256 {digest}, not {SHA256[coordinates]}; removed, it is fetched anew next time")
    return path
