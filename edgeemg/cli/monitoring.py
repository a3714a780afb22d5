"""A running loop in, the page that shows it out: the monitor, joined to the meter and the board."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg.cli.telling import warn
from edgeemg.data.level_meter import LevelMeter
from edgeemg.manifest import Manifest
from edgeemg.profiler.board import read_state, throttling_now
from edgeemg.runtime.monitor import DEFAULT_PORT, Monitor
from edgeemg.runtime.monitor_messages import Messages
from edgeemg.runtime.web_access import open_access

if TYPE_CHECKING:
    from firmware_bridge.frames import Stream

_BOARD_EVERY_S = 10.0  # asking the firmware of a Raspberry Pi starts a process
_LEAST_COUNT_UV = 0.002  # a tenth of what the finest of our converters tells apart


@contextmanager
def open_monitor(
    address: str,
    *,
    token_file: Path | None,
    manifest: Manifest,
    facts: Callable[[], Mapping[str, Any]],
    stream: "Stream | None" = None,
) -> Iterator[Monitor]:
    """Serve the page while the block runs; what it yields is a `Watcher` for the loop.

    address  HOST:PORT, HOST, PORT, or "" (127.0.0.1:8766)
    facts    asked once a second while somebody looks: `sensor` (what it is), `state` (connected,
             stale, lost) and `state_s`, `engine`, `counters` by name, and `prompt`: large letters
    stream   of the sensor: the ends of its range; None where none is known

    Where the page is goes to stderr. Raises SinkError where the address cannot be had, or needs a
    token that is not there.
    """
    access = open_access(address, default_port=DEFAULT_PORT, token_file=token_file, tell=warn)
    board = _Board()
    messages = Messages(
        manifest,
        meter=_meter(manifest, stream),
        facts=lambda: {**facts(), "board": board.state()},
    )
    with Monitor(access, messages, tell=warn) as monitor:
        asks = "" if access.token is None else ", which asks for the token"
        click.echo(f"monitor on {monitor.url}{asks}", err=True)
        yield monitor


def _meter(manifest: Manifest, stream: "Stream | None") -> LevelMeter:
    low_uv, high_uv, count_uv = -math.inf, math.inf, _LEAST_COUNT_UV
    if stream is not None:
        count_uv = stream.microvolts_per_count
        low_uv = (stream.lowest_count - stream.zero_count) * count_uv
        high_uv = (stream.highest_count - stream.zero_count) * count_uv
    return LevelMeter(
        manifest.sample_rate_hz,
        len(manifest.channels),
        microvolts_per_count=count_uv,
        rails_uv=(low_uv, high_uv),
    )


class _Board:
    """How the board is doing, at most ten seconds old; read aside, for a firmware may be slow."""

    def __init__(self) -> None:
        self._state: dict[str, Any] = {}
        self._read_s = -math.inf
        self._reading: threading.Thread | None = None

    def state(self) -> dict[str, Any]:
        """What is known now; asks anew, aside, where that is old."""
        is_reading = self._reading is not None and self._reading.is_alive()
        if time.monotonic() - self._read_s > _BOARD_EVERY_S and not is_reading:
            self._reading = threading.Thread(target=self._read, daemon=True)
            self._reading.start()
        return self._state

    def _read(self) -> None:
        state = read_state()
        self._state = {
            "temperature_c": state.temperature_c,
            "clock_mhz": state.clock_mhz,
            "load_average": state.load_average,
            "throttled": throttling_now(state),
        }
        self._read_s = time.monotonic()
