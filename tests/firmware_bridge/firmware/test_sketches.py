"""The Arduino sketches, compiled for this machine against stand-ins for the Arduino functions.

This shows that the glue is C++, asks the core for the right things, and never writes more than
there is room for. It does not show that a sketch compiles with a board's own core, or runs on one.
"""

import subprocess
from pathlib import Path

import numpy as np
import pytest

from firmware_bridge.devices.edgeemg import EdgeemgReader

SKETCHES = {"esp32": 4, "rp2040": 3}  # inputs of each
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")


@pytest.fixture(scope="session")
def sent_by(tmp_path_factory, sources, needs):
    """`sent_by("esp32")`: what the sketch sent in the 3.2 seconds that arduino/host.cpp plays."""

    def run(board: str) -> bytes:
        needs("g++")
        here = Path(__file__).with_name("arduino")
        sketch = sources / board / f"edgeemg_{board}" / f"edgeemg_{board}.ino"
        out = tmp_path_factory.mktemp("sketch") / board
        command = ["g++", "-std=c++11", *WARNINGS, f"-I{here}", f"-I{sources}", "-x", "c++"]
        command += [str(sketch), str(sources / "edgeemg_wire.c"), str(here / "host.cpp")]
        made = subprocess.run([*command, "-o", str(out)], capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        played = subprocess.run([out], capture_output=True, timeout=60)
        assert played.returncode == 0, played.stderr.decode()
        return played.stdout

    return run


@pytest.mark.parametrize("board", SKETCHES)
def test_a_sketch_accounts_for_every_sample_while_the_host_is_away(sent_by, board) -> None:
    sent = sent_by(board)
    reader = EdgeemgReader()
    frames = reader.feed(sent)
    assert sent[0] == 0
    assert reader.about == f"edgeemg-{board} 1.0.0"
    assert (reader.malformed, reader.info.boot_id, reader.info.streaming) == (0, 0x5678, False)

    index = np.concatenate([run.counter for run in frames])
    counts = np.concatenate([run.counts for run in frames])
    expected = (index[:, None] * 7 + 500 * np.arange(SKETCHES[board])) % 4096
    assert (counts == expected).all(), "what came must stand where its number says"
    steps = np.diff(index) - 1
    assert (steps >= 0).all()
    assert index[0] == 51
    assert 2995 <= index[-1] <= 3005
    # away for 1000 samples; what the ring and the line's own buffer hold is not lost
    assert np.count_nonzero(steps) == 1
    assert 850 < steps.sum() < 1000
    assert steps.sum() == reader.overruns


@pytest.mark.parametrize("board", SKETCHES)
def test_a_sketch_is_short_and_says_first_that_no_board_has_run_it(sources, board) -> None:
    text = (sources / board / f"edgeemg_{board}" / f"edgeemg_{board}.ino").read_text()
    assert text.startswith("// NOT TESTED ON HARDWARE.")
    assert len(text.splitlines()) < 100
