"""Archives of arrays, whole, damaged and hostile."""

import io
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import ManifestError
from edgeemg.runtime.archives import read_arrays


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "head.npz"
    np.savez(path, weight=np.arange(6, dtype=np.float32).reshape(2, 3), bias=np.zeros(2, "f4"))
    return path


def member(path, name, content, *, compress=False):
    kind = zipfile.ZIP_DEFLATED if compress else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", kind) as file:
        file.writestr(f"{name}.npy", content)
    return path


def npy(array):
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


def test_arrays_come_by_name(archive):
    arrays = read_arrays(archive, ["weight"])
    assert list(arrays) == ["weight"]
    assert np.array_equal(arrays["weight"], [[0, 1, 2], [3, 4, 5]])


def test_an_array_that_lies_by_columns_is_the_same_array(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    path = member(tmp_path / "x.npz", "weight", npy(np.asfortranarray(array)))
    assert np.array_equal(read_arrays(path, ["weight"])["weight"], array)


def test_a_bomb_is_refused_before_it_unfolds(tmp_path):
    bomb = npy(np.zeros(20_000_000, np.float32))
    path = member(tmp_path / "bomb.npz", "weight", bomb, compress=True)
    assert path.stat().st_size < 200_000
    with pytest.raises(ManifestError, match=r"bomb\.npz cannot be read .*80,000,\d+ bytes"):
        read_arrays(path, ["weight"])


def test_a_header_that_claims_more_than_there_is_makes_no_array(tmp_path):
    header = io.BytesIO()
    claim = {"descr": "<f4", "fortran_order": False, "shape": (10**12, 10**6)}
    np.lib.format.write_array_header_1_0(header, claim)
    path = member(tmp_path / "liar.npz", "weight", header.getvalue() + bytes(24))
    with pytest.raises(ManifestError, match=r"claims to be float32 .1000000000000, 1000000"):
        read_arrays(path, ["weight"])


@pytest.mark.parametrize(
    "claim",
    [{"descr": ()}, {"descr": ("<f4",)}, {"shape": (-1,)}, {"shape": (-2, -3)}, {"shape": (2, -1)}],
    ids=str,
)
def test_a_header_of_no_type_or_of_no_size_is_refused(tmp_path, claim):
    header = repr({"descr": "<f4", "fortran_order": False, "shape": (6,), **claim}).encode() + b"\n"
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(24)
    path = member(tmp_path / "x.npz", "weight", content)
    with pytest.raises(ManifestError, match="cannot be read"):
        read_arrays(path, ["weight"])


@pytest.mark.parametrize("header", [b"(" * 90, b"{'descr': '<f4', 'shape': (2,", b"x\n  y\n z"])
def test_a_header_that_is_no_header_is_refused(tmp_path, header):
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    path = member(tmp_path / "x.npz", "weight", content)
    with pytest.raises(ManifestError, match="cannot be read"):
        read_arrays(path, ["weight"])


@pytest.mark.parametrize(
    "array",
    [
        np.array([{"an": "object"}], dtype=object),
        np.zeros(3),
        np.array([1, np.nan], np.float32),
        np.array([1, np.inf], np.float32),
    ],
    ids=["pickle", "float64", "nan", "inf"],
)
def test_what_is_no_finite_float32_array_is_refused(tmp_path, array):
    path = member(tmp_path / "x.npz", "weight", npy(array))
    with pytest.raises(ManifestError, match="cannot be read"):
        read_arrays(path, ["weight"])


def test_a_missing_array_or_file_is_named(archive):
    with pytest.raises(ManifestError, match="scale"):
        read_arrays(archive, ["scale"])
    with pytest.raises(ManifestError, match="nowhere"):
        read_arrays(archive.with_name("nowhere.npz"), ["weight"])


@given(data=st.data())
def test_damage_anywhere_is_refused_or_harmless(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("damage") / "x.npz"
    np.savez_compressed(path, weight=np.arange(50, dtype=np.float32))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    try:
        arrays = read_arrays(path, ["weight"])
    except ManifestError:
        return
    assert arrays["weight"].dtype == np.float32


@given(st.binary(max_size=300))
def test_bytes_that_are_no_archive_are_refused(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "x.npz"
    path.write_bytes(content)
    with pytest.raises(ManifestError):
        read_arrays(path, ["weight"])
