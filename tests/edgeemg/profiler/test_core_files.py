from pathlib import Path

import pytest

from edgeemg.profiler.board import read_machine
from edgeemg.profiler.boards import BOARDS
from edgeemg.profiler.core_files import lay_out


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_the_files_describe_the_boards_core(tmp_path: Path, board) -> None:
    debian = tmp_path / "debian"
    (debian / "usr").mkdir(parents=True)
    (debian / "usr/file").write_text("Debian's")
    root = tmp_path / "root"
    root.mkdir()
    lay_out(root, debian, board.cpu_part)
    machine = read_machine(root)
    assert machine.core.lower() == board.cpu
    assert machine.dot_product == (board.name == "pi-5")
    assert (root / "proc/cpuinfo").read_text().count("processor") == 4
    assert (root / "sys/devices/system/cpu/possible").read_text() == "0-3\n"
    assert (root / "usr/file").read_text() == "Debian's"
