"""Decisions in, key strokes out, through Linux uinput: to the system it is one keyboard more.

Numbers and layouts are those of linux/uinput.h and linux/input.h; tests hold them against the
headers of the kernel.
"""

import fcntl
import json
import os
import struct
import time
import tomllib
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from edgeemg.errors import SinkError
from edgeemg.manifest import Manifest
from edgeemg.runtime.key_codes import KEY_CODES
from edgeemg.runtime.outbox import LostError, Place
from edgeemg.runtime.sinks import Decision

UINPUT = Path("/dev/uinput")
MOST = 4  # strokes that wait: a key that comes late is typed into another place
EXAMPLE = "keys:yes=KEY_ENTER,no=KEY_ESC or keys:FILE.json or keys:FILE.toml"

EV_SYN, EV_KEY = 0, 1
UI_DEV_CREATE, UI_DEV_DESTROY = 0x5501, 0x5502  # _IO('U', 1), _IO('U', 2)
UI_DEV_SETUP = 0x405C5503  # _IOW('U', 3, struct uinput_setup)
UI_SET_EVBIT, UI_SET_KEYBIT = 0x40045564, 0x40045565  # _IOW('U', 100 and 101, int)
SETUP = struct.Struct("=HHHH80sI")  # bus, vendor, product, version, name, ff_effects_max
EVENT = struct.Struct("@llHHi")  # seconds, microseconds, type, code, value

_BUS_VIRTUAL = 6
_NAME = b"edgeemg decisions"
_HOLD_S = 0.02  # programs that look now and then miss a shorter stroke
_LARGEST = 64 * 1024  # bytes; more is not a table of keys

Stroke = tuple[int, ...]


def parse_keys(text: str, manifest: Manifest) -> dict[str, Stroke]:
    """Label -> the codes that are pressed together, from LABEL=KEY,... or a JSON or TOML file.

    A stroke is a name such as KEY_ENTER or several joined by +, as in KEY_LEFTCTRL+KEY_C.
    SinkError where a label is not the model's or a key has no such name.
    """
    table = _inline(text) if "=" in text and not names_a_file(text) else _held(Path(text))
    unknown = [label for label in table if label not in manifest.labels]
    if unknown or not table:
        wanted = f"keys are for the model's labels, {', '.join(manifest.labels)}"
        raise SinkError(f"{wanted}; got {', '.join(unknown) or 'none'}, as in {EXAMPLE}")
    return {label: _codes(names) for label, names in table.items()}


def names_a_file(text: str) -> bool:
    """Whether what follows `keys:` is a file that is there; False for what no file can be named."""
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # as of a name that is too long, which a table soon is
        return False


def _inline(text: str) -> dict[str, str]:
    pairs = [one.partition("=") for one in text.split(",")]
    return {label.strip(): names for label, _, names in pairs}


def _held(path: Path) -> dict[str, str]:
    try:
        with path.open("rb") as file:
            held = file.read(_LARGEST).decode("utf-8")
        table = tomllib.loads(held) if path.suffix == ".toml" else json.loads(held)
    except OSError as error:
        message = f"cannot read keys from {path} ({error.strerror}); wanted {EXAMPLE}"
        raise SinkError(message) from error
    except (ValueError, RecursionError) as error:
        raise SinkError(f"{path} is neither JSON nor, by its name, TOML ({error})") from error
    if not isinstance(table, dict) or not all(isinstance(one, str) for one in table.values()):
        raise SinkError(f'{path} must hold one table of strings, as in {{"yes": "KEY_ENTER"}}')
    return table


def _codes(names: str) -> Stroke:
    wanted = [name.strip() for name in names.split("+")]
    for name in wanted:
        if name not in KEY_CODES:
            raise SinkError(
                f"no key {name!r}; names are those of linux/input-event-codes.h, as in KEY_ENTER, "
                "KEY_SPACE, KEY_LEFT, KEY_A, KEY_PLAYPAUSE, KEY_LEFTCTRL+KEY_C"
            )
    return tuple(KEY_CODES[name] for name in wanted)


class Keyboard(Place):
    """A keyboard of the system's that presses `keys` by the label of a decision.

    labels  of the model that the keys were named for
    Raises SinkError where uinput cannot be used, and says what to do.
    """

    def __init__(
        self, keys: Mapping[str, Stroke], device: Path = UINPUT, *, labels: Collection[str] = ()
    ) -> None:
        self._keys = keys
        self._labels = frozenset(labels)
        self._device = device
        self._descriptor = _opened(device)
        try:
            _create(self._descriptor, sorted({code for one in keys.values() for code in one}))
        except OSError as error:
            os.close(self._descriptor)
            raise SinkError(f"{device} makes no keyboard ({error.strerror})") from error

    def takes(self, decision: Decision) -> bool:
        """Whether its label has a key."""
        return decision.label in self._keys

    def deliver(self, decision: Decision) -> None:
        """Press and release; LostError where the system takes no strokes."""
        stroke = self._keys[decision.label]
        try:
            os.write(self._descriptor, b"".join(events(stroke, pressed=True)))
            time.sleep(_HOLD_S)
            os.write(self._descriptor, b"".join(events(stroke[::-1], pressed=False)))
        except OSError as error:
            raise LostError(f"{self._device} takes no strokes ({error.strerror})") from error

    def model_is(self, manifest: Manifest) -> str | None:
        """Keys stay as they are; which do not fit the labels."""
        before, self._labels = self._labels, frozenset(manifest.labels)
        warning = unfitting(self._keys, before, manifest)
        return f"{warning}; to change the keys, start again" if warning else None

    def close(self) -> None:
        """Take the keyboard away."""
        try:
            fcntl.ioctl(self._descriptor, UI_DEV_DESTROY)
        except OSError:
            pass  # gone already: nothing is left to take away
        finally:
            os.close(self._descriptor)


def unfitting(keys: Collection[str], before: Collection[str], manifest: Manifest) -> str:
    """What a person should know where a model with labels `before` gave way to another; or ""."""
    gone = [label for label in keys if label in before and label not in manifest.labels]
    new = [
        label
        for label in manifest.labels
        if label not in before and label not in keys and label != manifest.rest_label
    ]
    parts = {"new labels without a key": new, "keys for labels that the model lost": gone}
    return "; ".join(f"{title}: {', '.join(one)}" for title, one in parts.items() if one)


def events(stroke: Stroke, *, pressed: bool) -> Iterator[bytes]:
    """What is written to uinput for the keys of a stroke, in order, and the end of the report."""
    for code in stroke:
        yield EVENT.pack(0, 0, EV_KEY, code, int(pressed))
    yield EVENT.pack(0, 0, EV_SYN, 0, 0)


def _opened(device: Path) -> int:
    try:
        return os.open(device, os.O_WRONLY | os.O_NONBLOCK)
    except FileNotFoundError as error:
        raise SinkError(
            f"the keyboard needs {device}, which is not there: sudo modprobe uinput; to have it "
            "at every start: echo uinput | sudo tee /etc/modules-load.d/uinput.conf"
        ) from error
    except PermissionError as error:
        raise SinkError(
            f'no permission for {device}: put \'KERNEL=="uinput", GROUP="input", MODE="0660"\' '
            "into /etc/udev/rules.d/70-uinput.rules, sudo usermod -aG input $USER, and restart"
        ) from error
    except OSError as error:
        raise SinkError(f"cannot open {device} ({error.strerror})") from error


def _create(descriptor: int, codes: list[int]) -> None:
    fcntl.ioctl(descriptor, UI_SET_EVBIT, EV_KEY)
    for code in codes:
        fcntl.ioctl(descriptor, UI_SET_KEYBIT, code)
    fcntl.ioctl(descriptor, UI_DEV_SETUP, SETUP.pack(_BUS_VIRTUAL, 0, 0, 1, _NAME, 0))
    fcntl.ioctl(descriptor, UI_DEV_CREATE)
