"""Names of sinks in, sinks that never delay the loop out: what `run --sink` takes."""

import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

from edgeemg.cli.sink_names import check_names, ws_url
from edgeemg.errors import SinkError
from edgeemg.manifest import Manifest
from edgeemg.runtime.outbox import MOST, Outbox, Place
from edgeemg.runtime.sinks import CountingSink, JsonLines, Sink, must_escape
from edgeemg.runtime.standing import Standing


@dataclass(frozen=True, slots=True)
class Opening:
    """What sinks are opened with. `tell` gets one line for each change of a sink's state.

    lossless  as in Outbox: a recording that is played as fast as it goes, not a live run
    stopped   whether the run is to end, for what would wait
    """

    manifest: Manifest
    lossless: bool
    tell: Callable[[str], None]
    stopped: Callable[[], bool]

    def box(self, kind: str, name: str, place: Place, *, most: int = MOST) -> Outbox:
        """The place behind a queue and a thread of its own."""
        return self.box_for(kind, place, self.standing(name), most=most)

    def box_for(self, kind: str, place: Place, standing: Standing, *, most: int = MOST) -> Outbox:
        """The same, where the place tells its standing too."""
        return Outbox(
            place,
            kind=kind,
            standing=standing,
            lossless=self.lossless,
            most=most,
            stopped=self.stopped,
        )

    def standing(self, name: str) -> Standing:
        """Of the sink that people know by this name."""
        return Standing(name, self.tell)


def open_sinks(
    names: Sequence[str],
    *,
    manifest: Manifest,
    lossless: bool,
    tell: Callable[[str], None],
    stopped: Callable[[], bool] = lambda: False,
    every_hop: bool = False,
) -> list[Sink]:
    """All of them, or none; what each name may be is in EXAMPLES.

    every_hop  whether each hop is told, doubt included: nothing that one acts on at once, so that
               sinks that press keys or run commands are refused

    Raises SinkError where a name, file, port or program is not as it must be, and
    MissingExtraError where a sink needs a package that is not installed. A broker or a host that
    cannot be reached is no error: it is told, and tried again for ever.
    """
    check_names(names, every_hop=every_hop)
    opening = Opening(manifest, lossless, tell, stopped)
    with ExitStack() as stack:
        sinks = [stack.enter_context(closing(_open(name, opening))) for name in names]
        stack.pop_all()
    return sinks


def close_sinks(sinks: Sequence[Sink]) -> None:
    """Close all at the same time, so that dead ones together take no longer than one.

    Raises the first SinkError that one of them has, once all are closed.
    """
    errors: list[SinkError] = []

    def close(sink: Sink) -> None:
        try:
            sink.close()
        except SinkError as error:
            errors.append(error)

    threads = [Thread(target=close, args=(sink,)) for sink in sinks]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def tell_model(sinks: Sequence[Sink], manifest: Manifest) -> None:
    """Another model decides from now on, after a reload: what a sink says of it is told anew."""
    for sink in sinks:
        if isinstance(sink, Outbox):
            sink.model_is(manifest)


def sink_counters(sinks: Sequence[Sink]) -> dict[str, int]:
    """sink_KIND_COUNTER of every sink that counts; the second of a kind is KIND_2."""
    counters: dict[str, int] = {}
    seen: Counter[str] = Counter()
    for sink in sinks:
        if not isinstance(sink, CountingSink):
            continue
        seen[sink.kind] += 1
        n = seen[sink.kind]
        prefix = f"sink_{sink.kind}" if n == 1 else f"sink_{sink.kind}_{n}"
        counters |= {f"{prefix}_{name}": count for name, count in sink.summary().items()}
    return counters


def _open(name: str, opening: Opening) -> Sink:
    return KINDS[name.partition(":")[0]](name, opening)


def _lines(name: str, opening: Opening) -> Sink:
    from edgeemg.runtime.sink_lines import FileLines, StdoutLines

    where = name.partition(":")[2]
    if where:
        return opening.box("jsonl", name, FileLines(Path(where)))
    if sys.stdout is None:
        raise SinkError("stdout is closed: name a file, --sink jsonl:FILE")
    try:
        descriptor = sys.stdout.fileno()
    except OSError:  # io.UnsupportedOperation: the caller put a stream of Python's in its place
        return JsonLines(sys.stdout)
    sys.stdout.flush()
    return opening.box(
        "jsonl", "jsonl", StdoutLines(descriptor, ascii_only=must_escape(sys.stdout))
    )


def _mqtt(name: str, opening: Opening) -> Sink:
    from edgeemg.runtime.mqtt_broker import parse_broker
    from edgeemg.runtime.sink_mqtt import Mqtt

    broker = parse_broker(name, tell=opening.tell)
    standing = opening.standing(broker.title)
    return opening.box_for("mqtt", Mqtt(broker, opening.manifest, standing), standing)


def _websocket(name: str, opening: Opening) -> Sink:
    from edgeemg.runtime.sink_websocket import WebSocketSink
    from edgeemg.runtime.web_access import open_access

    url = ws_url(name)
    token_file = url.options.get("token_file")
    access = open_access(
        url.place,
        default_port=_WS_PORT,
        token_file=None if token_file is None else Path(token_file),
        tell=opening.tell,
    )
    return WebSocketSink(
        access, origins=url.many["origin"], lossless=opening.lossless, stopped=opening.stopped
    )


def _udp(name: str, opening: Opening) -> Sink:
    from edgeemg.runtime.sink_udp import Udp, parse_udp

    return opening.box("udp", name, Udp(*parse_udp(name)))


def _command(name: str, opening: Opening) -> Sink:
    from edgeemg.runtime import sink_command

    words = sink_command.parse_command(name.partition(":")[2])
    title = f"exec:{os.path.basename(words[0])}"  # noqa: PTH119  # a word, not a file of ours
    return opening.box("exec", title, sink_command.Command(words), most=sink_command.MOST)


def _keys(name: str, opening: Opening) -> Sink:
    from edgeemg.runtime import sink_keyboard

    keys = sink_keyboard.parse_keys(name.partition(":")[2], opening.manifest)
    keyboard = sink_keyboard.Keyboard(keys, labels=opening.manifest.labels)
    return opening.box("keys", "keys", keyboard, most=sink_keyboard.MOST)


_WS_PORT = 8765

# what comes before the first colon, and what opens it; EXAMPLES in sink_names says the rest
KINDS: dict[str, Callable[[str, Opening], Sink]] = {
    "jsonl": _lines,
    "mqtt": _mqtt,
    "mqtts": _mqtt,
    "ws": _websocket,
    "udp": _udp,
    "exec": _command,
    "keys": _keys,
}
