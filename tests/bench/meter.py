"""Reads the files of Meter.java: counts at a moment, and quantiles of the times between two moments."""
import pathlib

BUCKETS_OF_AN_OCTAVE = 32


def read(folder):
    """({cell: [(seconds, count)]}, {cell: [(seconds, {bucket: count})]}); a cell is (file, name)."""
    counts, times = {}, {}
    for file in sorted(pathlib.Path(folder).glob("cells-*.log")):
        for line in file.read_text().splitlines(keepends=True):
            words = line.split()
            if not line.endswith("\n") or len(words) != 4:
                continue  # being written
            at, cell = int(words[1]) / 1000, (file.name, words[2])
            if words[0] == "C":
                counts.setdefault(cell, []).append((at, int(words[3])))
            else:
                pairs = (pair.split(":") for pair in words[3].split(",") if pair)
                times.setdefault(cell, []).append((at, {int(b): int(n) for b, n in pairs}))
    return counts, times


def count_at(series, at):
    """The count at a moment, linear between the lines around it."""
    before = (series[0][0], 0)
    for point in series:
        if point[0] >= at:
            if point[0] == before[0]:
                return point[1]
            return before[1] + (point[1] - before[1]) * (at - before[0]) / (point[0] - before[0])
        before = point
    return before[1]


def of_kind(cells, kind):
    return [series for (_, name), series in cells.items() if name.startswith(kind + "-")]


def total(counts, kind, start, end):
    return sum(count_at(s, end) - count_at(s, start) for s in of_kind(counts, kind))


def first_tuple(counts):
    """The wall-clock time of the first line of a sink that had counted something, or None."""
    return min((at for series in of_kind(counts, "sink") for at, count in series if count), default=None)


def middle(bucket):
    """Nanoseconds in the middle of a bucket of Meter.java."""
    if bucket < BUCKETS_OF_AN_OCTAVE:
        return bucket
    shift = bucket // BUCKETS_OF_AN_OCTAVE - 1
    return (BUCKETS_OF_AN_OCTAVE + bucket % BUCKETS_OF_AN_OCTAVE + 0.5) * 2 ** shift


def histogram(times, kind, start, end):
    """What came between the last lines before the two moments, over all cells of the kind: {bucket: count}."""
    sums = {}
    for series in of_kind(times, kind):
        for moment, sign in ((start, -1), (end, 1)):
            seen = [buckets for at, buckets in series if at <= moment]
            for bucket, count in (seen[-1] if seen else {}).items():
                sums[bucket] = sums.get(bucket, 0) + sign * count
    return {bucket: count for bucket, count in sorted(sums.items()) if count}


def quantile(buckets, q):
    """Milliseconds that the share q of the times does not exceed; None without times."""
    wanted, seen = q * sum(buckets.values()), 0
    for bucket, count in sorted(buckets.items()):
        seen += count
        if seen >= wanted and seen:
            return middle(bucket) / 1e6
    return None
