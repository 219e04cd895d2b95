"""Pins against what a Nimbus says."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from systems.placement import check_pins  # noqa: E402

PINS = {"source": 1, "split": 2, "sink": 1}


def test_pins():
    assert check_pins(PINS, {"source": {6700}, "split": {6701}, "sink": {6700}}) is None
    assert "split should be in one container and is on ports [6700, 6701]" in check_pins(PINS, {"source": {6700}, "split": {6700, 6701}})
    assert "source should be in one container and is on ports []" in check_pins(PINS, {})
    assert "sink should be in container 1 on port 6700 and is on 6701" in check_pins(PINS, {"source": {6700}, "split": {6701}, "sink": {6701}})
    assert "share a port" in check_pins(PINS, {"source": {6700}, "split": {6700}, "sink": {6700}})
