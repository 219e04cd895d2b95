#!/usr/bin/python3
"""Writes the seeds of frame_fuzz, sections_fuzz and hello_fuzz from the vectors: `tests/fuzz/link_seeds.py tests/fuzz/corpus`."""
import pathlib
import sys

VECTORS = pathlib.Path(__file__).resolve().parents[1] / "vectors"
BODIES = ["sections", "probe", "credit", "reserve", "acks", "ack_credit", "hosts"]
HELLO = {"challenge": [0], "hello": [1, 2], "welcome": [3, 4], "refused": [5]}
HEADER = 4 + 56
REPAIR = 0x80  # sections_fuzz.cc


def lines(name):
    for line in (VECTORS / name).read_text().splitlines():
        if line and not line.startswith("#"):
            yield line.rsplit(" => ", 1)


def main(folder):
    seeds = {}
    stream = b""
    for text, hexed in lines("frames.txt"):
        kind, frame = text.split()[0], bytes.fromhex(hexed)
        if kind in HELLO:
            for which in HELLO[kind]:
                seeds[f"hello_fuzz/{kind}{which}"] = bytes([which]) + frame[HEADER:]
            continue
        stream += frame
        seeds[f"frame_fuzz/{kind}{len(stream)}"] = bytes([1, 200]) + frame
        if kind != "lease":
            which = BODIES.index("sections" if kind == "data" else kind)
            seeds[f"sections_fuzz/{kind}{len(stream)}"] = bytes([which]) + frame[HEADER:]
            if kind == "data":
                seeds[f"sections_fuzz/repaired{len(stream)}"] = bytes([REPAIR | which]) + frame[HEADER:]
    seeds["frame_fuzz/all"] = bytes([1, 16]) + stream
    seeds["frame_fuzz/unrepaired"] = bytes([0, 255]) + stream
    # A hello that the server of hello_fuzz knows: topology "words".
    for name, must, role, topology in (("words", 2, 2, b"words"), ("feature", 8, 2, b"words"), ("topology", 0, 2, b"sdrow"),
                                       ("host", 0, 1, b"words")):
        numbers = b"".join(n.to_bytes(4, "little") for n in (1, 0, 1, 1))  # container, slot, incarnation, link epoch
        head = b"PTRL\x01\x00" + must.to_bytes(4, "little") + (6).to_bytes(4, "little") + bytes([role]) + numbers
        seeds[f"hello_fuzz/{name}"] = bytes([2]) + head + b"\x05\x00" + topology + bytes(64)
    for name, container, incarnation in (("container", 2, 4), ("stale", 1, 1), ("good", 1, 2)):
        numbers = b"".join(n.to_bytes(4, "little") for n in (0, container, incarnation, 4))
        seeds[f"hello_fuzz/welcome_{name}"] = bytes([4]) + bytes.fromhex("0100") + numbers + bytes(32)
    seeds["hello_fuzz/versions"] = bytes([0]) + b"PTRL" + bytes.fromhex("0200 0300") + b"more"
    for number, (text, _) in enumerate(lines("bad_frames.txt")):
        decoder, hexed = text.split()
        data = b"" if hexed == "-" else bytes.fromhex(hexed)
        if decoder in BODIES:
            which = BODIES.index(decoder)
            seeds[f"sections_fuzz/bad{number}"] = bytes([which]) + data
            header = bytes([5 + which]) + bytes(HEADER - 5)  # the target makes it right
            seeds[f"frame_fuzz/body{number}"] = bytes([1, 90]) + (HEADER - 4 + len(data)).to_bytes(4, "little") + header + data
        elif decoder in HELLO:
            seeds[f"hello_fuzz/bad{number}"] = bytes([HELLO[decoder][0]]) + data
        elif decoder == "length":
            seeds[f"frame_fuzz/bad{number}"] = bytes([0, 3]) + data
        else:
            seeds[f"frame_fuzz/bad{number}"] = bytes([0, 60]) + len(data).to_bytes(4, "little") + data
    for name, data in seeds.items():
        path = pathlib.Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(seeds)} seeds")


if __name__ == "__main__":
    main(sys.argv[1])
