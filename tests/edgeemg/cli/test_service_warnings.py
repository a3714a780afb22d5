import sys
from pathlib import Path

import pytest

from edgeemg.cli.run_arguments import parse
from edgeemg.cli.service_warnings import warnings
from edgeemg.errors import SinkError


def warned(prefix: Path, *arguments: str) -> list[str]:
    asked = parse(["bundle", "--port", "/dev/ttyUSB9", *arguments])
    return list(warnings(asked, name="emg", prefix=prefix))


@pytest.mark.parametrize(
    "asked",
    [
        ("--monitor", "0.0.0.0"),
        ("--monitor", "board.example:80"),
        ("--sink", "ws://0.0.0.0:8765?origin=http://x"),
    ],
)
def test_a_page_for_other_machines_needs_a_token(tmp_path: Path, asked: tuple[str, str]) -> None:
    (said,) = warned(tmp_path, *asked)
    assert "write EDGEEMG_TOKEN=... into /etc/emg.env" in said
    (tmp_path / "emg.env").write_text("# EDGEEMG_TOKEN=x\nOTHER=1\n")
    assert warned(tmp_path, *asked) == [said]
    (tmp_path / "emg.env").write_text("OTHER=1\nEDGEEMG_TOKEN=x\n")
    assert warned(tmp_path, *asked) == []


@pytest.mark.parametrize(
    "asked",
    [
        (),
        ("--monitor",),
        ("--monitor", "8766"),
        ("--monitor", "[::1]:9"),
        ("--monitor", "0.0.0.0", "--monitor-token-file", "token"),
        ("--sink", "ws://0.0.0.0:9?token_file=token"),
        ("--sink", "ws://127.0.0.1:9"),
        ("--sink", "udp://192.0.2.1:9"),
    ],
)
def test_where_none_is_needed_or_one_is_named_nothing_is_said(
    tmp_path: Path, asked: tuple[str, ...]
) -> None:
    assert warned(tmp_path, *asked) == []


def test_an_address_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="HOST:PORT"):
        warned(tmp_path, "--monitor", "a:b:c")


def test_what_is_not_installed_is_told_before_the_service_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "websockets", None)
    (said,) = warned(tmp_path, "--monitor")
    assert "the monitor needs websockets" in said
