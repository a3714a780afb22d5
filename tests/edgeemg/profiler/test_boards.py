from pathlib import Path

import pytest

from edgeemg.profiler.boards import BOARDS, CPUS, part_of, this_board


def told(root: Path, model: str) -> Path:
    path = root / "proc/device-tree/model"
    path.parent.mkdir(parents=True)
    path.write_text(f"{model}\0")  # as the kernel ends it
    return root


@pytest.mark.parametrize(
    ("model", "board"),
    [
        ("Raspberry Pi Zero 2 W Rev 1.0", "pi-zero-2w"),
        ("Raspberry Pi 3 Model B Rev 1.2", "pi-3b"),
        ("Raspberry Pi 3 Model B Plus Rev 1.3", "pi-3b"),
        ("Raspberry Pi 4 Model B Rev 1.4", "pi-4"),
        ("Raspberry Pi 5 Model B Rev 1.0", "pi-5"),
        ("Raspberry Pi Zero W Rev 1.1", None),
        ("Raspberry Pi 2 Model B Rev 1.1", None),
        ("FriendlyElec NanoPi R5S", None),
    ],
)
def test_a_board_is_known_by_its_device_tree(tmp_path: Path, model: str, board: str | None) -> None:
    assert this_board(told(tmp_path, model)) == board


def test_a_pc_is_no_board(tmp_path: Path) -> None:
    assert this_board(tmp_path) is None


def test_every_board_has_a_core_and_its_part_number() -> None:
    assert CPUS == ("cortex-a53", "cortex-a72", "cortex-a76")
    assert [part_of(cpu) for cpu in CPUS] == [0xD03, 0xD08, 0xD0B]
    assert all(part_of(board.cpu) == board.cpu_part for board in BOARDS.values())
    assert all(BOARDS[name].name == name for name in BOARDS)
