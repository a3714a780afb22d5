import socket
import time

import numpy as np
import pytest
from websockets.sync.client import connect

from edgeemg.cli.running import check_delivered, first_seconds
from edgeemg.cli.sinks import close_sinks, open_sinks, sink_counters
from edgeemg.dsp.samples import Samples
from edgeemg.errors import GateError
from edgeemg.manifest import Manifest
from edgeemg.runtime.sink_websocket import WebSocketSink
from edgeemg.runtime.sinks import Decision

RATE = 100.0


@pytest.fixture
def broken() -> Samples:
    """One second, two seconds that are missing, and another one; the sensor counted from 40."""
    index = 40 + np.concatenate([np.arange(100), np.arange(300, 400)])
    values = np.zeros((200, 1), dtype=np.float32)
    return Samples(values, RATE, index, np.ones((200, 1), dtype=bool))


@pytest.mark.parametrize(
    ("seconds", "rows"),
    [(0.5, 50), (1.0, 100), (2.9, 100), (3.5, 150), (4.0, 200), (60, 200), (1e308, 200)],
)
def test_what_is_missing_counts_as_time(broken: Samples, seconds: float, rows: int) -> None:
    assert len(first_seconds(broken, seconds)) == rows


def test_of_nothing_there_is_nothing(broken: Samples) -> None:
    assert len(first_seconds(broken[:0], 1.0)) == 0


def test_a_websocket_sink_owes_nothing_to_a_client_that_left(plain_manifest: Manifest) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = taken.getsockname()[1]
    names = ["ws://127.0.0.1:0", f"udp://127.0.0.1:{nobody}"]
    sinks = open_sinks(names, manifest=plain_manifest, lossless=False, tell=lambda _: None)
    ws, udp = sinks
    assert isinstance(ws, WebSocketSink)
    long = Decision("left", 0.5, 1, 0.004, None, "e" * 20_000)  # what the system buffers is full
    deadline = time.monotonic() + 60
    with connect(f"ws://{ws.access.address}", max_queue=1, close_timeout=1):
        while not sink_counters(sinks)["sink_ws_dropped"] and time.monotonic() < deadline:
            ws.send(long)
            time.sleep(0.001)
    try:
        assert sink_counters(sinks)["sink_ws_dropped"] > 0
        check_delivered(sinks)
        short = Decision("left", 0.5, 1, 0.004, None, "e")
        while not sink_counters(sinks)["sink_udp_failed"] and time.monotonic() < deadline:
            udp.send(short)
            time.sleep(0.01)
        with pytest.raises(GateError, match=r"was delivered: sink_udp_failed \d+; see"):
            check_delivered(sinks)
    finally:
        close_sinks(sinks)
