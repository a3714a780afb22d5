"""The Python side against the vectors that firmware is held to as well."""

from binascii import crc_hqx
from typing import Any

import numpy as np
import pytest

from firmware_bridge import cobs
from firmware_bridge.devices.edgeemg_encoder import encode_data, encode_info, packed
from firmware_bridge.devices.edgeemg_frames import Data, Info, Refused, counts_of, decode
from firmware_bridge.golden.generate import text, vectors

DATA_HEAD = Data._fields[:-1]
INFO_FIELDS = [one for one in Info.__dataclass_fields__ if one not in ("streaming", "name")]


def test_the_files_are_what_the_script_writes(golden, project_root) -> None:
    made = vectors()
    folder = project_root / "firmware_bridge" / "golden"
    assert {path.stem for path in folder.glob("*.json")} == set(made)
    for name, (about, found) in made.items():
        assert (folder / f"{name}.json").read_text() == text(about, found)


def test_there_are_several_hundred_of_them(golden) -> None:
    assert sum(len(golden(name)) for name in vectors()) > 500


def test_cobs(golden) -> None:
    for one in golden("cobs"):
        encoded = bytes.fromhex(one["encoded"])
        if one["plain"] is None:
            assert cobs.decode(encoded) is None, one["name"]
            continue
        plain = bytes.fromhex(one["plain"])
        assert cobs.decode(encoded) == plain, one["name"]
        if not one.get("decode_only"):
            assert cobs.encode(plain) == encoded, one["name"]


def test_crc(golden) -> None:
    for one in golden("crc"):
        assert crc_hqx(bytes.fromhex(one["bytes"]), 0xFFFF) == one["crc"]


def test_data_is_read_and_written(golden) -> None:
    for one in golden("data"):
        wire = bytes.fromhex(one["wire"])
        data = decode(wire[:-1])
        assert isinstance(data, Data)
        assert {name: getattr(data, name) for name in DATA_HEAD} == {
            name: one[name] for name in DATA_HEAD
        }
        counts = counts_of(data.samples, data.n_channels, data.format)
        assert counts.dtype == np.int32
        assert counts.tolist() == one["counts"], one["name"]
        again = Data(*(one[name] for name in DATA_HEAD), packed(one["counts"], one["format"]))
        assert encode_data(again) == wire, one["name"]


def test_info_is_read_and_written(golden) -> None:
    for one in golden("info"):
        wire = bytes.fromhex(one["wire"])
        info = decode(wire[:-1])
        assert isinstance(info, Info)
        assert {name: plain(getattr(info, name)) for name in INFO_FIELDS} == {
            name: one[name] for name in INFO_FIELDS
        }
        assert (info.streaming, info.name) == (bool(one["flags"]), one["label"])
        assert encode_info(info) == wire, one["name"]


def plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


@pytest.mark.parametrize("verdict", ["cobs", "length", "crc", "version", "type", "fields"])
def test_damage_is_refused_for_the_same_reason(golden, verdict: str) -> None:
    damaged = [one for one in golden("damaged") if one["verdict"] == verdict]
    assert damaged
    for one in damaged:
        with pytest.raises(Refused, match=f"^{verdict}$"):
            decode(bytes.fromhex(one["wire"])[:-1])


def test_in_a_stream_the_same_frames_are_taken(golden) -> None:
    for one in golden("streams"):
        pieces = [piece for piece in bytes.fromhex(one["stream"]).split(b"\0")[:-1] if piece]
        taken = [cobs.decode(piece).hex() for piece in pieces if is_frame(piece)]
        assert taken == one["accepted"], one["name"]
        assert len(pieces) - len(taken) == one["refused"], one["name"]


def is_frame(piece: bytes) -> bool:
    try:
        decode(piece)
    except Refused:
        return False
    return True
