from pathlib import Path

import pytest

from edgeemg.profiler.checks import Check
from edgeemg.profiler.memory_checks import memory_checks

HEAD = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"


def checked(root: Path) -> dict[str, Check]:
    return {check.name: check for check in memory_checks(root)}


def test_this_machine_has_both() -> None:
    assert list(checked(Path("/"))) == ["memory", "swap"]


def test_little_memory_is_a_warning(pi_4: Path) -> None:
    check = checked(pi_4)["memory"]
    assert (check.status, check.found) == ("warn", "92 MB available")
    assert check.remedy


def test_a_system_without_proc_is_no_finding(tmp_path: Path) -> None:
    assert [check.status for check in memory_checks(tmp_path)] == ["ok"]


@pytest.mark.parametrize(
    ("table", "status", "said"),
    [
        ("", "ok", "none"),
        ("/dev/zram0 partition 524284 400000 100\n", "ok", "410 MB used in /dev/zram0"),
        ("/var/swap file 102396 1024 -2\n", "ok", "1 MB used in /var/swap"),
        ("/var/swap file 102396 90000 -2\n", "warn", "92 MB used in /var/swap"),
        (
            "/dev/zram0 partition 9 0 100\n/dev/mmcblk0p3 partition 999999 90000 -2\n",
            "warn",
            "0 MB used in /dev/zram0, 92 MB used in /dev/mmcblk0p3",
        ),
    ],
)
def test_memory_on_a_card_is_a_warning(pi_4: Path, table: str, status: str, said: str) -> None:
    (pi_4 / "proc/swaps").write_text(HEAD + table)
    check = checked(pi_4)["swap"]
    assert check.status == status
    assert check.found.startswith(said)
    assert (check.remedy is None) == (status == "ok")
