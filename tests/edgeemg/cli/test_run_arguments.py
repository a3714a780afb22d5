from pathlib import Path

import click
import pytest

from edgeemg.cli.run_arguments import RunArguments, parse
from edgeemg.errors import PortError, SinkError

LEAST = ("bundle", "--port", "/dev/ttyUSB0")


def again(asked: RunArguments) -> list[str]:
    return list(asked.command(Path("/dev/emg-sensor")))


def test_what_was_asked_for_comes_back_with_whole_paths_and_the_new_port(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    asked = parse([*LEAST, "--device", "text", "--rate", "500", "--sink", "jsonl", "--every-hop"])
    assert asked.bundle == tmp_path / "bundle"
    assert again(asked) == [
        *("run", f"{tmp_path}/bundle", "--port=/dev/emg-sensor"),
        *("--device=text", "--rate=500.0", "--sink=jsonl", "--every-hop", "--wait"),
    ]


def test_what_comes_back_is_read_alike(tmp_path: Path) -> None:
    asked = parse(
        [
            *(*LEAST, "--wait", "--sink=jsonl:x y", "--sink", "exec:say 'a b'", "--monitor"),
            *("--threshold=0.7", "--monitor-token-file", str(tmp_path / "token")),
        ]
    )
    read = parse(again(asked)[1:])
    assert again(read) == again(asked)
    assert read.sinks == asked.sinks == ("jsonl:x y", "exec:say 'a b'")
    assert read.monitor == asked.monitor == ""
    assert read.files == asked.files == (tmp_path / "token",)


def test_defaults_are_left_to_the_version_that_runs() -> None:
    assert again(parse(LEAST))[3:] == ["--wait"]


def test_files_that_a_sink_reads_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("keys.json", "my ca"):
        (tmp_path / name).touch()
    sinks = (
        "keys:keys.json",
        "mqtts://h/t?ca=my%20ca&credentials=no-file",
        "keys:yes=KEY_Y",
        "jsonl:log",
    )
    asked = parse([*LEAST, *(f"--sink={one}" for one in sinks)])
    assert asked.files == (tmp_path / "keys.json", tmp_path / "my ca")
    assert asked.sinks == (
        f"keys:{tmp_path}/keys.json",
        f"mqtts://h/t?ca={tmp_path}/my%20ca&credentials=no-file",
        "keys:yes=KEY_Y",
        "jsonl:log",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bundle"], "give the sensor's --port"),
        ([*LEAST, "--seconds", "5"], "leave --seconds out"),
        ([*LEAST, "--recording", "x.bdf"], "give --port instead"),
        ([*LEAST, "--no-reconnect"], "leave --no-reconnect out"),
        ([*LEAST, "--nonsense"], "No such option"),
        ([*LEAST, "--threshold", "2"], "threshold"),
        (["--port", "/dev/ttyUSB0"], "BUNDLE"),
    ],
)
def test_what_no_service_can_run_is_bad_usage(arguments: list[str], said: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        parse(arguments)
    assert said in caught.value.format_message()


def test_an_unknown_sensor_is_refused() -> None:
    with pytest.raises(PortError, match="no device is called 'toaster'"):
        parse([*LEAST, "--device", "toaster"])


@pytest.mark.parametrize(
    ("sink", "word"),
    [
        ("foo", "unknown sink"),
        ("mqtt://u:p@h/x", "a name or a password"),
        ("jsonl:", "names no file"),
    ],
)
def test_a_sink_that_run_would_refuse_at_each_start_is_refused(sink: str, word: str) -> None:
    with pytest.raises(SinkError, match=word):
        parse([*LEAST, "--sink", sink])


def test_a_port_with_a_line_break_is_refused() -> None:
    with pytest.raises(click.UsageError, match="no port has"):
        parse(["bundle", "--port", "/dev/ttyUSB0\nExecStart=x"])
