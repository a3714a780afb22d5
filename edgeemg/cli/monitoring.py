"""A running loop in, the page that shows it out: the monitor, joined to the meter and the board."""

import math
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgeemg.cli.telling import say, warn
from edgeemg.data.level_meter import LevelMeter
from edgeemg.manifest import Manifest
from edgeemg.profiler.board import glance, throttling_now
from edgeemg.runtime.monitor import DEFAULT_PORT, Monitor, need_websockets
from edgeemg.runtime.monitor_messages import Messages
from edgeemg.runtime.web_access import Access, open_access

if TYPE_CHECKING:
    from firmware_bridge.frames import Stream

_BOARD_EVERY_S = 10.0  # asking the firmware of a Raspberry Pi starts a process
_LEAST_COUNT_UV = 0.002  # a tenth of what the finest of our converters tells apart


def open_monitor(
    address: str,
    *,
    token_file: Path | None,
    manifest: Manifest,
    facts: Callable[[], Mapping[str, Any]],
    stream: "Stream | None" = None,
) -> "ModelPage":
    """A page, served while it is entered; SinkError and MissingExtraError as `monitor_access`."""
    return ModelPage(monitor_access(address, token_file=token_file), manifest, facts, stream)


def monitor_access(address: str, *, token_file: Path | None) -> Access:
    """Who may look on; what is wrong with the page is told here, before a sensor is opened.

    address  HOST:PORT, HOST, PORT, or "" (127.0.0.1:8766)

    Raises SinkError where the address is none, or needs a token that is not there, and
    MissingExtraError without `websockets`.
    """
    access = open_access(address, default_port=DEFAULT_PORT, token_file=token_file, tell=warn)
    need_websockets()
    return access


class ModelPage(Monitor):
    """A page about a model that runs; where it is goes to stderr.

    facts    asked once a second while somebody looks: `sensor` (what it is), `state` (connected,
             stale, lost) and `state_s`, `engine`, `counters` by name, and `prompt`: large letters
    stream   of the sensor: the ends of its range; None where none is known
    """

    def __init__(
        self,
        access: Access,
        manifest: Manifest,
        facts: Callable[[], Mapping[str, Any]],
        stream: "Stream | None" = None,
    ) -> None:
        self._board = _Board()
        asks = "" if access.token is None else ", which asks for the token"
        super().__init__(
            access,
            self._about(manifest, facts, stream),
            tell=warn,
            listens=lambda url: say(f"monitor on {url}{asks}"),
        )

    def show_model(
        self,
        manifest: Manifest,
        facts: Callable[[], Mapping[str, Any]],
        stream: "Stream | None" = None,
    ) -> None:
        """From now on it is about this one; the page stays where it is."""
        self.show(self._about(manifest, facts, stream))

    def _about(
        self,
        manifest: Manifest,
        facts: Callable[[], Mapping[str, Any]],
        stream: "Stream | None",
    ) -> Messages:
        return Messages(
            manifest,
            meter=_meter(manifest, stream),
            facts=lambda: {**facts(), "board": self._board.state()},
        )


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
        state = glance()
        self._state = {
            "temperature_c": state.temperature_c,
            "clock_mhz": state.clock_mhz,
            "load_average": state.load_average,
            "throttled": throttling_now(state),
        }
        self._read_s = time.monotonic()
