"""The C core against the golden vectors and against the Python side, also under sanitizers.

Called through ctypes. The last test runs all the others once more, in a Python with ASan loaded,
on a library built with ASan and UBSan.
"""

import ctypes
import os
import re
import subprocess
import sys
import weakref
from array import array
from binascii import crc_hqx
from collections import deque
from ctypes import c_char, c_int32, c_size_t, c_uint8, c_uint16, c_uint32
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_bridge import cobs
from firmware_bridge.devices.edgeemg_encoder import encode_data, encode_info
from firmware_bridge.devices.edgeemg_frames import WIDTHS, Data, Info, Refused, counts_of, decode

CASES = int(os.environ.get("CORE_CASES", "200"))  # of each property
SANITIZED = os.environ.get("CORE_SANITIZED", "")  # a library that was built with sanitizers
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror", "-pedantic")
C99 = ("-x", "c", "-std=c99")
LANGUAGES = pytest.mark.parametrize("language", [C99, ("-x", "c++", "-std=c++11")])
VERDICTS = ("", "cobs", "length", "crc", "version", "type", "fields")
TAKEN, MORE = 0, 7

LIBC = ctypes.CDLL(None)
LIBC.malloc.restype = ctypes.c_void_p
LIBC.malloc.argtypes = [c_size_t]
LIBC.free.argtypes = [ctypes.c_void_p]
many = settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class CData(ctypes.Structure):
    _fields_ = (
        *((name, c_uint8) for name in ("n_channels", "n_samples", "format", "flags")),
        ("boot_id", c_uint16),
        *((name, c_uint32) for name in ("sample_index", "time_us", "off_mask")),
    )


class CInfo(ctypes.Structure):
    _fields_ = (
        *((name, c_uint8) for name in ("n_channels", "n_samples", "format", "flags")),
        ("boot_id", c_uint16),
        *((name, c_uint32) for name in ("rate_mhz", "scale_num", "scale_den")),
        *((name, c_int32) for name in ("zero", "lowest", "highest")),
        *((name, c_uint32) for name in ("overruns", "time_us")),
        *((name, c_uint8) for name in ("major", "minor", "patch")),
        ("label", c_char * 16),
    )


class CReader(ctypes.Structure):
    _fields_ = (("raw", c_uint8 * 254), ("n_raw", c_size_t), ("held", c_size_t))


INFO_NAMES = [name for name, _ in CInfo._fields_ if name not in ("major", "minor", "patch")]


class Core:
    """The library, in bytes and numbers. Buffers are as long as the manual says, and no longer."""

    def __init__(self, path: Path) -> None:
        self.lib = ctypes.CDLL(str(path))
        for name in ("cobs_encode", "write_data", "write_info", "ring_take", "write_report"):
            getattr(self.lib, f"edgeemg_{name}").restype = c_size_t
        for name in ("cobs_decode", "read_data", "read_info", "ring_begin"):
            getattr(self.lib, f"edgeemg_{name}").restype = ctypes.c_bool
        self.lib.edgeemg_crc16.restype = c_uint16
        self.lib.edgeemg_read_count.restype = c_int32

    def crc16(self, octets: bytes) -> int:
        return self.lib.edgeemg_crc16(given_bytes(octets), c_size_t(len(octets)))

    def cobs_encode(self, plain: bytes) -> bytes:
        out = room(len(plain) + len(plain) // 254 + 1)
        n = self.lib.edgeemg_cobs_encode(given_bytes(plain), c_size_t(len(plain)), out)
        return bytes(out[:n])

    def cobs_decode(self, encoded: bytes, *, in_place: bool = False) -> bytes | None:
        n = c_size_t(0)
        source = given_bytes(encoded)
        out = source if in_place else room(len(encoded))
        length = c_size_t(len(encoded))
        if not self.lib.edgeemg_cobs_decode(source, length, out, ctypes.byref(n)):
            return None
        return bytes(out[: n.value])

    def write_data(self, head: CData, counts: list[int]) -> bytes:
        wire = room(24 + len(counts) * WIDTHS.get(head.format, 0))
        n = self.lib.edgeemg_write_data(ctypes.byref(head), given_counts(counts), wire)
        return bytes(wire[:n])

    def write_info(self, info: CInfo) -> bytes:
        wire = room(64)
        return bytes(wire[: self.lib.edgeemg_write_info(ctypes.byref(info), wire)])

    def read(self, stream: bytes) -> tuple[list[bytes], list[str]]:
        """The frames that were taken, and why others were not."""
        reader, taken, refused = CReader(), [], []
        for byte in stream:
            verdict = self.lib.edgeemg_reader_put(ctypes.byref(reader), c_uint8(byte))
            if verdict == TAKEN:
                taken.append(bytes(reader.raw[: reader.n_raw]))
            elif verdict != MORE:
                refused.append(VERDICTS[verdict])
        return taken, refused

    def read_data(self, raw: bytes) -> tuple[CData, list[int]]:
        data, octets = CData(), given_bytes(raw)
        assert self.lib.edgeemg_read_data(octets, ctypes.byref(data))
        n = data.n_channels * data.n_samples
        return data, [self.lib.edgeemg_read_count(octets, c_size_t(at)) for at in range(n)]

    def read_info(self, raw: bytes) -> CInfo:
        info = CInfo()
        assert self.lib.edgeemg_read_info(given_bytes(raw), ctypes.byref(info))
        return info


def room(n_bytes: int, filled: bytes = b"") -> Any:
    """A buffer of its own: Python's allocator would put many into one, without guards between."""
    size = max(1, n_bytes)
    address = LIBC.malloc(size)
    buffer = (c_uint8 * size).from_address(address)
    weakref.finalize(buffer, LIBC.free, address)
    ctypes.memmove(address, filled.ljust(size, b"\xaa"), size)
    return buffer


def given_bytes(octets: bytes) -> Any:
    return room(len(octets), octets)


def given_counts(counts: list[int]) -> Any:
    return given_bytes(array("i", counts).tobytes())


@pytest.fixture(scope="session")
def compiled(tmp_path_factory, sources, needs):
    """`compiled(compiler, *flags)`: the core as an object or a library; fails on a warning."""

    def compile_core(compiler: str, *flags: str) -> Path:
        needs(compiler)
        out = tmp_path_factory.mktemp("core") / "core.so"
        command = [compiler, *flags, str(sources / "edgeemg_wire.c"), "-o", str(out)]
        made = subprocess.run(command, capture_output=True, text=True)
        assert made.returncode == 0, made.stderr
        return out

    return compile_core


@pytest.fixture(scope="session")
def core(compiled) -> Core:
    if SANITIZED:
        return Core(Path(SANITIZED))
    return Core(compiled("gcc", "-std=c99", *WARNINGS, "-O2", "-shared", "-fPIC"))


# ---- it compiles without a warning ----


@pytest.mark.parametrize(
    "command",
    [
        ("gcc", "-std=c99", "-c"),
        ("g++", "-x", "c++", "-std=c++11", "-c"),
        ("avr-gcc", "-mmcu=atmega328p", "-Os", "-std=c99", "-c"),
        ("avr-g++", "-mmcu=atmega328p", "-Os", "-x", "c++", "-std=c++11", "-c"),
    ],
    ids=lambda command: command[0],
)
def test_no_compiler_warns(compiled, command) -> None:
    assert compiled(*command, *WARNINGS).stat().st_size


@pytest.mark.parametrize(("baud", "fits"), [(1_000_000, True), (162_000, True), (160_000, False)])
@LANGUAGES
def test_more_than_the_line_carries_does_not_compile(sources, needs, language, baud, fits) -> None:
    # 4 channels of 16 bits at 1 kHz, 5 samples a frame: 12800 bytes a second, and 32 of INFO
    program = f"EDGEEMG_ASSERT_WIRE_LOAD(1000, 4, 5, EDGEEMG_INT16, {baud});\n"
    said = complaint_of(needs, sources, language, program)
    assert fits == (not said), said
    assert fits or "more_than_80_percent_of_the_line" in said


def complaint_of(needs, sources, language, program: str) -> str:
    """What the compiler says of it; "" where it compiles."""
    needs("gcc")
    command = ["gcc", *language, *WARNINGS, "-fsyntax-only", f"-I{sources}", "-"]
    program = f'#include "edgeemg_wire.h"\n{program}'
    made = subprocess.run(command, input=program, capture_output=True, text=True)
    assert bool(made.returncode) == bool(made.stderr)
    return made.stderr


@LANGUAGES
@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        ("32, 64, EDGEEMG_INT32", False),  # 8216 bytes
        ("4, 29, EDGEEMG_INT16", False),  # 254
        ("7, 11, EDGEEMG_INT24", True),  # 253
        ("0, 5, EDGEEMG_INT16", False),
        ("33, 1, EDGEEMG_INT16", False),
        ("1, 65, EDGEEMG_INT16", False),
        ("1, 0, EDGEEMG_INT16", False),
        ("4, 5, 4", False),
    ],
)
def test_a_shape_that_no_receiver_takes_does_not_compile(
    sources, needs, core, language, shape, fits
) -> None:
    load = complaint_of(
        needs, sources, language, f"EDGEEMG_ASSERT_WIRE_LOAD(1, {shape}, 1000000000);\n"
    )
    ring = complaint_of(needs, sources, language, f"EDGEEMG_ASSERT_RING({shape}, 2);\n")
    assert ("no_receiver_takes_such_a_frame" in load) == (not fits), load
    assert ("a_ring_takes_no_such_blocks" in ring) == (not fits), ring
    kinds = {f"EDGEEMG_INT{8 * width}": kind for kind, width in WIDTHS.items()}
    n_channels, n_samples, kind = (kinds.get(one) or int(one) for one in shape.split(", "))
    facts = CInfo(n_channels=n_channels, n_samples=n_samples, format=kind)
    assert begun(core, facts, 2) == fits


@LANGUAGES
def test_as_many_asserts_stand_in_one_file_as_it_likes(sources, needs, language) -> None:
    program = "EDGEEMG_ASSERT_WIRE_LOAD(1000, 4, 5, EDGEEMG_INT16, 1000000);\n" * 2
    program += "EDGEEMG_ASSERT_RING(4, 5, EDGEEMG_INT16, 4);\n" * 2
    assert not complaint_of(needs, sources, language, program)


# ---- golden vectors ----


def test_cobs(core, golden) -> None:
    for one in golden("cobs"):
        encoded = bytes.fromhex(one["encoded"])
        plain = None if one["plain"] is None else bytes.fromhex(one["plain"])
        assert core.cobs_decode(encoded) == plain, one["name"]
        assert core.cobs_decode(encoded, in_place=True) == plain, one["name"]
        if plain is not None and not one.get("decode_only"):
            assert core.cobs_encode(plain) == encoded, one["name"]


def test_crc(core, golden) -> None:
    for one in golden("crc"):
        assert core.crc16(bytes.fromhex(one["bytes"])) == one["crc"]


def test_data_is_written_and_read(core, golden) -> None:
    for one in golden("data"):
        head = CData(**{name: one[name] for name, _ in CData._fields_})
        counts = [count for row in one["counts"] for count in row]
        wire = bytes.fromhex(one["wire"])
        assert core.write_data(head, counts) == wire, one["name"]
        (raw,), refused = core.read(wire)
        assert raw.hex() == one["raw"], one["name"]
        assert not refused
        again, counts_again = core.read_data(raw)
        assert counts_again == counts, one["name"]
        assert all(getattr(again, name) == one[name] for name, _ in CData._fields_), one["name"]


def test_info_is_written_and_read(core, golden) -> None:
    for one in golden("info"):
        info = info_of(one)
        wire = bytes.fromhex(one["wire"])
        assert core.write_info(info) == wire, one["name"]
        (raw,), refused = core.read(wire)
        assert raw.hex() == one["raw"], one["name"]
        assert not refused
        again = core.read_info(raw)
        for name, _ in CInfo._fields_:
            assert getattr(again, name) == getattr(info, name), (one["name"], name)


def info_of(fields: dict[str, Any]) -> CInfo:
    major, minor, patch = fields["firmware"]
    same = {name: fields[name] for name in INFO_NAMES if name != "label"}
    label = fields["label"].encode("ascii")
    return CInfo(**same, major=major, minor=minor, patch=patch, label=label)


def test_damage_gets_its_verdict(core, golden) -> None:
    for one in golden("damaged"):
        taken, refused = core.read(bytes.fromhex(one["wire"]))
        assert not taken, one["name"]
        assert refused == [one["verdict"]], one["name"]


def test_streams_with_noise_give_what_is_whole(core, golden) -> None:
    for one in golden("streams"):
        taken, refused = core.read(bytes.fromhex(one["stream"]))
        assert [raw.hex() for raw in taken] == one["accepted"], one["name"]
        assert len(refused) == one["refused"], one["name"]


def test_a_count_beyond_the_format_becomes_the_end_of_its_range(core) -> None:
    for kind, width in WIDTHS.items():
        top = (1 << 8 * width - 1) - 1
        over = [min(top + 1, 2**31 - 1), max(-top - 2, -(2**31)), 2**31 - 1, -(2**31)]
        wire = core.write_data(CData(n_channels=1, n_samples=4, format=kind), over)
        _, counts = core.read_data(core.read(wire)[0][0])
        assert counts == [top, -top - 1, top, -top - 1]


# ---- properties, C beside Python ----

u16 = st.integers(0, 0xFFFF)
u32 = st.integers(0, 0xFFFFFFFF)
octets = st.binary(max_size=600) | st.lists(
    st.sampled_from([0, 0, 1, 255]) | st.integers(0, 255), max_size=300
).map(bytes)


@many
@given(plain=octets)
def test_crc_and_cobs_are_those_of_python(core, plain) -> None:
    assert core.crc16(plain) == crc_hqx(plain, 0xFFFF)
    encoded = core.cobs_encode(plain)
    assert encoded == cobs.encode(plain)
    assert core.cobs_decode(encoded, in_place=True) == plain
    assert core.cobs_decode(plain) == cobs.decode(plain)  # taken for something encoded


@st.composite
def data_frames(draw: st.DrawFn) -> tuple[Data, list[int]]:
    """Mostly good ones; of any shape that ctypes can say."""
    kind = draw(st.sampled_from((1, 1, 2, 2, 3, 3)))
    n_channels = draw(st.integers(1, 32) | st.integers(0, 40))
    most = max(1, 240 // (WIDTHS[kind] * max(1, n_channels)))
    n_samples = draw(st.integers(1, most) | st.integers(0, 5))
    n_bytes = n_channels * n_samples * WIDTHS[kind]
    samples = draw(st.binary(min_size=n_bytes, max_size=n_bytes))
    head = Data(
        n_channels=n_channels,
        n_samples=n_samples,
        format=kind,
        flags=draw(st.sampled_from((0, 1, 1, 2))),
        boot_id=draw(u16),
        sample_index=draw(u32),
        time_us=draw(u32),
        off_mask=draw(st.just(0) | st.integers(0, (1 << min(32, n_channels)) - 1) | u32),
        samples=samples,
    )
    return head, counts_of(samples, 1, kind)[:, 0].tolist()


@many
@given(frame=data_frames())
def test_data_is_written_as_python_does_or_refused_alike(core, frame) -> None:
    data, counts = frame
    wire = core.write_data(CData(**dict(zip(Data._fields, data[:-1], strict=False))), counts)
    try:
        expected = encode_data(data)
    except ValueError:
        expected = b""
    assert wire == expected
    if wire:
        (raw,), refused = core.read(wire)
        assert not refused
        assert core.read_data(raw)[1] == counts


infos = st.builds(
    Info,
    n_channels=st.integers(1, 16) | st.integers(0, 33),
    n_samples=st.integers(1, 5) | st.integers(0, 65),
    format=st.sampled_from((1, 1, 2, 2, 3, 3, 0, 4)),
    rate_mhz=u32,
    scale_num=u32,
    scale_den=u32,
    lowest=st.integers(-(2**31), 0) | st.just(5),
    highest=st.integers(5, 2**31 - 1),
    zero=st.integers(-(2**31), 2**31 - 1),
    streaming=st.booleans(),
    boot_id=u16,
    overruns=u32,
    time_us=u32,
    firmware=st.tuples(*[st.integers(0, 255)] * 3),
    name=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=16),
)


@many
@given(info=infos)
def test_info_is_written_as_python_does_or_refused_alike(core, info) -> None:
    same = {name: getattr(info, name) for name in INFO_NAMES if name not in ("flags", "label")}
    major, minor, patch = info.firmware
    made = CInfo(
        **same,
        flags=int(info.streaming),
        major=major,
        minor=minor,
        patch=patch,
        label=info.name.encode("ascii"),
    )
    wire = core.write_info(made)
    try:
        expected = encode_info(info)
    except ValueError:
        expected = b""
    assert wire == expected
    if wire:
        assert bytes(core.read_info(core.read(wire)[0][0])) == bytes(made)


@st.composite
def rough_streams(draw: st.DrawFn) -> list[tuple[int, int, int, bytes, bytes]]:
    """For `spoil`: which frame, where it is hurt, how many bytes go, what comes instead, behind."""
    hurt = st.tuples(
        st.integers(0, 10_000),
        st.integers(0, 300),
        st.sampled_from((0, 0, 1, 2)),
        st.just(b"") | st.binary(max_size=2),
        st.sampled_from((b"", b"", b"\0", b"\0\0", b"\1\2\3")),
    )
    return draw(st.lists(hurt, max_size=8))


def spoil(wires: list[bytes], plan: list[tuple[int, int, int, bytes, bytes]]) -> bytes:
    stream = b""
    for which, at, gone, instead, behind in plan:
        wire = wires[which % len(wires)]
        stream += wire[:at] + instead + wire[at + gone :] + behind
    return stream


@many
@given(plan=rough_streams(), noise=octets)
def test_any_stream_gives_the_frames_and_verdicts_of_python(core, golden, plan, noise) -> None:
    wires = [bytes.fromhex(one["wire"]) for one in golden("data")[:100] + golden("info")]
    stream = spoil(wires, plan) + noise
    taken, refused = [], []
    for piece in stream.split(b"\0")[:-1]:
        if not piece:
            continue
        try:
            decode(piece)
        except Refused as verdict:
            refused.append(str(verdict))
        else:
            taken.append(cobs.decode(piece))
    assert core.read(stream) == (taken, refused)


# ---- the ring ----


class Ring:
    """The ring in C beside what it should do, said in Python."""

    def __init__(self, core: Core, n_blocks: int, shape: tuple[int, int, int]) -> None:
        n_channels, n_samples, kind = shape
        self.facts = CInfo(
            n_channels=n_channels, n_samples=n_samples, format=kind,
            rate_mhz=1, scale_num=1, scale_den=1, lowest=0, highest=1,
        )  # fmt: skip
        self.core, self.lib = core, core.lib
        self.memory = room(n_blocks * (20 + n_channels * n_samples * WIDTHS[kind]))
        self.ring = room(128)  # more than any edgeemg_ring
        assert self.lib.edgeemg_ring_begin(
            self.ring, self.memory, c_uint8(n_blocks), ctypes.byref(self.facts), c_uint16(77)
        )
        self.n_blocks = n_blocks
        self.index = self.overruns = 0
        self.streaming = self.lost_before = False
        self.filling: list[tuple[int, list[int], int]] = []
        self.full: deque[tuple[bool, list[tuple[int, list[int], int]]]] = deque()

    def put(self, counts: list[int], off_mask: int) -> None:
        time_us = c_uint32(self.index * 1000 + 7)
        self.lib.edgeemg_ring_put(self.ring, given_counts(counts), c_uint32(off_mask), time_us)
        index, self.index = self.index, self.index + 1
        if not self.filling and not (self.streaming or self.lost_before):
            return
        if not self.filling and len(self.full) == self.n_blocks:
            self.overruns, self.lost_before = self.overruns + 1, True
            return
        if not self.filling:
            self.begins_after_loss, self.lost_before = self.lost_before, False
        self.filling.append((index, counts, off_mask))
        if len(self.filling) == self.facts.n_samples:
            self.full.append((self.begins_after_loss, self.filling))
            self.filling = []

    def stream(self, on: bool) -> None:
        self.streaming = on
        self.lib.edgeemg_ring_stream(self.ring, ctypes.c_bool(on))

    def take(self) -> int:
        """Check the oldest block; give the samples in it."""
        n_counts = self.facts.n_channels * self.facts.n_samples
        wire = room(24 + n_counts * WIDTHS[self.facts.format])
        n = self.lib.edgeemg_ring_take(self.ring, wire)
        if not self.full:
            assert n == 0
            return 0
        after_loss, rows = self.full.popleft()
        (raw,), refused = self.core.read(bytes(wire[:n]))
        data, counts = self.core.read_data(raw)
        assert not refused
        assert data.sample_index == rows[0][0]
        assert data.time_us == rows[0][0] * 1000 + 7
        assert data.flags == after_loss
        assert data.boot_id == 77
        assert data.off_mask == rows_mask(rows)
        assert counts == [count for _, row, _ in rows for count in row]
        return len(rows)

    def report(self) -> CInfo:
        wire = room(64)
        n = self.lib.edgeemg_write_report(self.ring, ctypes.byref(self.facts), c_uint32(5), wire)
        return self.core.read_info(self.core.read(bytes(wire[:n]))[0][0])


def rows_mask(rows: list[tuple[int, list[int], int]]) -> int:
    mask = 0
    for _, _, off in rows:
        mask |= off
    return mask


@many
@given(
    n_blocks=st.sampled_from((2, 4, 128)),
    shape=st.sampled_from(((4, 5, 1), (1, 1, 1), (3, 2, 2), (32, 1, 3), (1, 64, 1))),
    steps=st.lists(
        st.sampled_from(("put", "put", "put", "take", "start", "start", "stop", "many")),
        max_size=60,
    ),
    seed=st.integers(0, 1000),
)
def test_the_ring_loses_nothing_that_it_does_not_tell(core, n_blocks, shape, steps, seed) -> None:
    ring = Ring(core, n_blocks, shape)
    for number, step in enumerate(steps):
        if step in ("start", "stop"):
            ring.stream(step == "start")
        elif step == "take":
            ring.take()
        else:
            for again in range(1 if step == "put" else 40):
                counts = [
                    (seed + number + again + channel) % 200 - 100 for channel in range(shape[0])
                ]
                ring.put(counts, 1 if (seed + number + again) % 7 == 0 else 0)
        info = ring.report()
        assert (info.overruns, info.flags, info.boot_id) == (ring.overruns, ring.streaming, 77)
    while ring.take():
        pass


@pytest.mark.parametrize("n_blocks", [0, 1, 3, 6, 255])
def test_a_ring_of_another_size_is_refused(core, sources, needs, n_blocks) -> None:
    assert not begun(core, CInfo(n_channels=4, n_samples=5, format=1), n_blocks)
    said = complaint_of(
        needs, sources, C99, f"EDGEEMG_ASSERT_RING(4, 5, EDGEEMG_INT16, {n_blocks});\n"
    )
    assert "a_ring_takes_no_such_blocks" in said


def begun(core: Core, facts: CInfo, n_blocks: int) -> bool:
    begin = core.lib.edgeemg_ring_begin
    return begin(room(128), room(1), c_uint8(n_blocks), ctypes.byref(facts), c_uint16(0))


# ---- and all of it once more, watched ----


@pytest.mark.slow
@pytest.mark.skipif(bool(SANITIZED), reason="this is the run that it starts")
def test_all_of_this_holds_under_sanitizers(compiled, tmp_path) -> None:
    library = compiled(
        "gcc", "-std=c99", "-g", "-O1", "-shared", "-fPIC",
        "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
    )  # fmt: skip
    environment = sanitized_environment(library)
    caught = run_python(
        environment,
        f"import ctypes; lib = ctypes.CDLL({str(library)!r})\n"
        "malloc = ctypes.CDLL(None).malloc\nmalloc.restype = ctypes.c_void_p\n"
        "lib.edgeemg_cobs_encode(bytes(64), ctypes.c_size_t(64), ctypes.c_void_p(malloc(32)))",
    )
    assert "heap-buffer-overflow" in caught.stderr, "the sanitizer does not see what it is for"

    command = [sys.executable, "-m", "pytest", __file__, "-q", "-p", "no:cacheprovider"]
    command += ["--hypothesis-show-statistics", "-k", "not compile and not compiler"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=500, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    tried = sum(map(int, re.findall(r"(\d+) passing", done.stdout)))
    assert tried >= 10_000, done.stdout[-3000:]


def sanitized_environment(library: Path) -> dict[str, str]:
    asan = subprocess.run(
        ["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True
    ).stdout.strip()
    return {
        **os.environ,
        "LD_PRELOAD": asan,
        "ASAN_OPTIONS": "detect_leaks=0",
        "CORE_SANITIZED": str(library),
        "CORE_CASES": "2100",
    }


def run_python(environment: dict[str, str], code: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
