import copy
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.digests import sha256_of
from edgeemg.errors import ManifestError
from edgeemg.manifest import (
    MANIFEST_NAME,
    Calibration,
    Choice,
    Manifest,
    ModelFile,
    parse_manifest,
    read_manifest,
    verify_files,
    write_manifest,
)


def sealed(plain: dict[str, Any]) -> str:
    """JSON with a seal that fits, as somebody who edits a manifest by hand could make it."""
    plain = {name: one for name, one in plain.items() if name != "manifest_sha256"}
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return json.dumps({**plain, "manifest_sha256": hashlib.sha256(canonical.encode()).hexdigest()})


def plain_of(manifest: Manifest, **changes: Any) -> dict[str, Any]:
    return {**json.loads(manifest.dumps()), **changes}


# --- round trips


def test_a_manifest_comes_back_as_it_was(plain_manifest: Manifest) -> None:
    assert parse_manifest(plain_manifest.dumps(), source="here") == plain_manifest


def test_a_manifest_on_disk_comes_back_as_it_was(plain_manifest: Manifest, tmp_path: Path) -> None:
    path = write_manifest(plain_manifest, tmp_path)
    assert path == tmp_path / "manifest.json"
    assert read_manifest(tmp_path) == plain_manifest


def test_labels_stay_readable_in_the_text(plain_manifest: Manifest) -> None:
    assert '"não"' in plain_manifest.dumps()


def test_the_seal_does_not_depend_on_layout(plain_manifest: Manifest) -> None:
    compact = json.dumps(plain_of(plain_manifest), sort_keys=True)
    assert parse_manifest(compact, source="here") == plain_manifest


def test_the_portable_manifest_leaves_files_and_parity_out(plain_manifest: Manifest) -> None:
    portable = plain_manifest.portable()
    assert (portable.files, portable.parity) == ({}, {})
    assert replace(portable, files=plain_manifest.files, parity=plain_manifest.parity) == (
        plain_manifest
    )


@pytest.fixture
def chosen_manifest(plain_manifest: Manifest) -> Manifest:
    """The plain one, after an export with gates that failed and a choice for two boards."""
    (name,) = plain_manifest.files
    return replace(
        plain_manifest,
        files={name: replace(plain_manifest.files[name], kept_float=("MEAN", "head"))},
        failed_gates=("model.onnx agrees on 90 % of windows (at least 98 %)",),
        choice={
            board: Choice(name, "onnx", "float32", instructions=10**6, peak_memory_bytes=10**7)
            for board in ("pi-zero-2w", "pi-5")
        },
    )


def test_the_choice_and_what_failed_come_back_as_they_were(chosen_manifest: Manifest) -> None:
    assert parse_manifest(chosen_manifest.dumps(), source="here") == chosen_manifest


def test_facts_that_are_empty_are_left_out_for_an_older_edgeemg(
    plain_manifest: Manifest, chosen_manifest: Manifest
) -> None:
    """An older one refuses fields that it does not know."""
    new = {"choice", "failed_gates", "kept_float"}

    def names(manifest: Manifest) -> set[Any]:
        return {key for _, key in places(plain_of(manifest))}

    assert names(plain_manifest).isdisjoint(new)
    assert names(chosen_manifest) >= new


def test_a_choice_of_a_file_that_is_not_there_is_refused(chosen_manifest: Manifest) -> None:
    text = sealed(plain_of(chosen_manifest, files={}))
    with pytest.raises(ManifestError, match=r"choice\.pi-zero-2w\.file must be one of files"):
        parse_manifest(text, source="here")


def test_the_portable_manifest_knows_nothing_of_the_bundle_around_it(
    plain_manifest: Manifest, chosen_manifest: Manifest
) -> None:
    assert chosen_manifest.portable() == plain_manifest.portable()


def test_the_input_shape_counts_bands_and_channels(plain_manifest: Manifest) -> None:
    assert plain_manifest.input_shape == (1, 4, 70)


# --- damage


@given(data=st.data())
@settings(max_examples=400)
def test_a_flipped_byte_is_refused_or_changes_nothing(
    plain_manifest: Manifest, data: st.DataObject
) -> None:
    text = bytearray(plain_manifest.dumps().encode())
    position = data.draw(st.integers(0, len(text) - 1))
    text[position] ^= data.draw(st.integers(1, 255))
    try:
        read = parse_manifest(bytes(text), source="here")
    except ManifestError:
        return
    assert read == plain_manifest


def test_every_flipped_lowest_bit_of_a_value_is_refused(plain_manifest: Manifest) -> None:
    text = plain_manifest.dumps().encode()
    start = text.index(b"250.0")
    for position in range(start, start + 5):
        flipped = bytearray(text)
        flipped[position] ^= 1
        with pytest.raises(ManifestError):
            parse_manifest(bytes(flipped), source="here")


@given(data=st.data())
def test_a_truncated_manifest_is_refused(plain_manifest: Manifest, data: st.DataObject) -> None:
    text = plain_manifest.dumps().rstrip().encode()
    with pytest.raises(ManifestError):
        parse_manifest(text[: data.draw(st.integers(0, len(text) - 1))], source="here")


@given(st.binary() | st.text())
def test_any_bytes_are_refused_with_a_manifest_error(text: bytes | str) -> None:
    with pytest.raises(ManifestError, match="here"):
        parse_manifest(text, source="here")


def test_a_changed_value_without_a_new_seal_is_called_damaged(plain_manifest: Manifest) -> None:
    text = json.dumps(plain_of(plain_manifest, sample_rate_hz=500.0))
    with pytest.raises(ManifestError, match=r"here does not match its own checksum.*again"):
        parse_manifest(text, source="here")


@pytest.mark.parametrize("depth", [*range(950, 1010), 100_000])
def test_json_nested_too_deep_is_refused(depth: int) -> None:
    # a stack limit may be met while reading or, a level later, while checking the seal
    text = '{"schema_version": 1, "a": ' + "[" * depth + "]" * depth + "}"
    with pytest.raises(ManifestError):
        parse_manifest(text, source="here")


# --- versions


@pytest.mark.parametrize("version", [2, 0, "1", None, 10**30])
def test_another_schema_version_says_what_is_read_and_what_to_do(
    plain_manifest: Manifest, version: object
) -> None:
    with pytest.raises(ManifestError, match=r"reads 1: upgrade edgeemg") as caught:
        parse_manifest(sealed(plain_of(plain_manifest, schema_version=version)), source="here")
    assert f"here has schema version {version!r}" in str(caught.value)


def test_a_newer_version_is_named_as_such_even_with_fields_not_known_here(
    plain_manifest: Manifest,
) -> None:
    text = json.dumps(plain_of(plain_manifest, schema_version=2, novelty=1))
    with pytest.raises(ManifestError, match="schema version 2"):
        parse_manifest(text, source="here")


@pytest.mark.parametrize("version", [True, 1.0])
def test_a_version_that_only_equals_1_is_refused(plain_manifest: Manifest, version: object) -> None:
    with pytest.raises(ManifestError, match="schema_version must be int"):
        parse_manifest(sealed(plain_of(plain_manifest, schema_version=version)), source="here")


# --- fields


@pytest.mark.parametrize(
    "name",
    [
        "name",
        "labels",
        "rest_label",
        "sample_rate_hz",
        "channels",
        "window_samples",
        "hop_samples",
        "bands",
        "scale",
        "clip",
        "model",
        "training",
    ],
)
def test_a_missing_field_is_named(plain_manifest: Manifest, name: str) -> None:
    plain = plain_of(plain_manifest)
    del plain[name]
    with pytest.raises(ManifestError, match=f"here: .*{name}.*; copy or export it again"):
        parse_manifest(sealed(plain), source="here")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": "red"}, "unknown fields colour"),
        ({"labels": ["one"]}, "labels must be at least 2"),
        ({"labels": ["rest", "one", "one"]}, "labels must be at least 2, all unlike"),
        ({"labels": "rest"}, "labels must be a list"),
        ({"rest_label": "silence"}, "rest_label must be one of labels"),
        ({"sample_rate_hz": 0}, "sample_rate_hz must be above 0"),
        ({"sample_rate_hz": float("inf")}, "sample_rate_hz must be a finite number"),
        ({"clip": float("nan")}, "clip must be a finite number"),
        ({"clip": 10**400}, "clip must be a finite number"),
        ({"clip": -1.0}, "clip must be above 0"),
        ({"channels": []}, "channels must be at least one"),
        ({"window_samples": 0}, "window_samples must be at least 1"),
        ({"window_samples": 70.0}, "window_samples must be int"),
        ({"hop_samples": 0}, r"hop_samples must be in 1\.\.70"),
        ({"hop_samples": 71}, r"hop_samples must be in 1\.\.70"),
        ({"bands": []}, "bands must be at least one"),
        ({"bands": [{"name": "x", "sections": [[1, 2, 3]]}] * 2}, "rows of 6 numbers"),
        ({"scale": [1.0]}, "scale must be 4 numbers above 0"),
        ({"scale": [1.0, 1.0, 1.0, 0.0]}, "scale must be 4 numbers above 0"),
        ({"mode": "batch"}, "mode must be one of window, stream"),
        ({"files": {"m": {"bytes": 1}}}, r"files\.m is incomplete .*sha256"),
        ({"decision": {"threshold": "high"}}, r"decision\.threshold must be float"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    plain_manifest: Manifest, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ManifestError, match=message):
        parse_manifest(sealed(plain_of(plain_manifest, **changes)), source="here")


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ["rest", "\ud800"]},
        {"name": "a\udcffb"},
        {"model": {"family": "cnn", "parameters": 1, "macs": 1, "options": {"\ud800": 1}}},
    ],
)
def test_text_that_no_sink_could_write_is_refused(
    plain_manifest: Manifest, changes: dict[str, Any]
) -> None:
    with pytest.raises(ManifestError, match="here holds text that is no Unicode"):
        parse_manifest(sealed(plain_of(plain_manifest, **changes)), source="here")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)


def places(plain: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of the JSON with every key or position in it."""
    inside = plain.items() if isinstance(plain, dict) else enumerate(plain)
    for key, value in inside:
        yield plain, key
        if isinstance(value, dict | list):
            yield from places(value)


@given(data=st.data())
@settings(max_examples=300)
def test_any_value_in_any_place_is_taken_or_refused_with_a_manifest_error(
    plain_manifest: Manifest, data: st.DataObject
) -> None:
    plain = copy.deepcopy(plain_of(plain_manifest))
    everywhere = list(places(plain))
    container, key = everywhere[data.draw(st.integers(0, len(everywhere) - 1))]
    container[key] = data.draw(json_values)
    try:
        read = parse_manifest(sealed(plain), source="here")
    except ManifestError:
        return
    assert isinstance(read, Manifest)


# --- folders


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="nowhere: no such folder"):
        read_manifest(tmp_path / "nowhere")


def test_a_folder_without_a_manifest_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match=r"manifest\.json is missing.*edgeemg train"):
        read_manifest(tmp_path)


def test_a_huge_manifest_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / MANIFEST_NAME).open("wb") as file:
        file.truncate(1 << 40)  # sparse: reading it would not end
    with pytest.raises(ManifestError, match="not a manifest"):
        read_manifest(tmp_path)


def test_a_manifest_that_cannot_be_read_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / MANIFEST_NAME).symlink_to("/proc/self/mem")  # a read of its first byte is an EIO
    with pytest.raises(ManifestError, match=r"manifest\.json cannot be read \(.*error\): check"):
        read_manifest(tmp_path)
    with pytest.raises(ManifestError, match=r"File name too long|no such folder"):  # by the Python
        read_manifest(tmp_path / ("m" * 300))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_manifest_without_permission_says_what_to_do(
    plain_manifest: Manifest, tmp_path: Path
) -> None:
    write_manifest(plain_manifest, tmp_path).chmod(0)
    with pytest.raises(ManifestError, match=r"\(Permission denied\): check its name and rights"):
        read_manifest(tmp_path)


# --- files of a bundle


@pytest.fixture
def listed(tmp_path: Path) -> tuple[Path, dict[str, ModelFile]]:
    """A folder with one file, and what a manifest says of it."""
    folder = tmp_path / "bundle"
    folder.mkdir()
    path = folder / "model.onnx"
    path.write_bytes(b"weights")
    return folder, {"model.onnx": ModelFile(sha256_of(path), 7)}


def test_the_sha256_is_the_one_that_everybody_computes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert sha256_of(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_files_that_match_are_accepted(listed: tuple[Path, dict[str, ModelFile]]) -> None:
    verify_files(*listed)


def test_a_missing_file_is_named(listed: tuple[Path, dict[str, ModelFile]]) -> None:
    (listed[0] / "model.onnx").unlink()
    with pytest.raises(ManifestError, match=r"model\.onnx is missing: copy"):
        verify_files(*listed)


@pytest.mark.parametrize("content", [b"weighty", b"weight", b"weights!", b""])
def test_a_damaged_file_is_named(listed: tuple[Path, dict[str, ModelFile]], content: bytes) -> None:
    (listed[0] / "model.onnx").write_bytes(content)
    with pytest.raises(ManifestError, match=r"model\.onnx does not match its sha256"):
        verify_files(*listed)


def test_a_folder_in_place_of_a_file_is_refused(
    listed: tuple[Path, dict[str, ModelFile]],
) -> None:
    (listed[0] / "model.onnx").unlink()
    (listed[0] / "model.onnx").mkdir()
    with pytest.raises(ManifestError, match=r"model\.onnx is missing"):
        verify_files(*listed)


@pytest.mark.parametrize("form", ["../{0}", "{1}/{0}", "inner/{0}", "./{2}", "..", ".", "", "/"])
def test_a_name_outside_the_folder_is_refused_though_the_file_matches(
    listed: tuple[Path, dict[str, ModelFile]], form: str
) -> None:
    folder, files = listed
    outside = folder.parent / "outside.onnx"
    for path in (outside, folder / "inner" / outside.name):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"weights")
    name = form.format(outside.name, folder.parent, "model.onnx")
    with pytest.raises(ManifestError, match="must be a plain file in the bundle"):
        verify_files(folder, {name: files["model.onnx"]})


@pytest.mark.parametrize("target", ["../outside.onnx", "model.onnx"])
def test_a_symbolic_link_is_refused_though_the_file_matches(
    listed: tuple[Path, dict[str, ModelFile]], target: str
) -> None:
    folder, files = listed
    (folder.parent / "outside.onnx").write_bytes(b"weights")
    (folder / "link.onnx").symlink_to(target)
    with pytest.raises(ManifestError, match="must be a plain file in the bundle"):
        verify_files(folder, {"link.onnx": files["model.onnx"]})


@given(name=st.text(max_size=300))
@settings(max_examples=60)
def test_any_file_name_is_refused_with_a_manifest_error(
    tmp_path_factory: pytest.TempPathFactory, name: str
) -> None:
    with pytest.raises(ManifestError):
        verify_files(tmp_path_factory.getbasetemp(), {name: ModelFile("00" * 32, 1)})


def test_a_name_too_long_for_a_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        verify_files(tmp_path, {"m" * 300: ModelFile("00" * 32, 1)})


def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "model.onnx")
    with pytest.raises(ManifestError, match="is missing"):
        verify_files(tmp_path, {"model.onnx": ModelFile("00" * 32, 0)})


def test_a_calibration_comes_back_and_a_manifest_without_one_says_nothing_of_it(
    plain_manifest: Manifest,
) -> None:
    calibration = Calibration(
        source="cnn",
        source_sha256="ab" * 32,
        created="2026-01-02T00:00:00+00:00",
        data="rec",
        digests=("cd" * 32,),
        trials={"left": 5, "rest": 7},
        head="around",
        scale_fitted=False,
        protocol="5 folds",
        before=0.25,
        after=0.75,
    )
    calibrated = replace(plain_manifest, calibration=calibration)
    assert parse_manifest(calibrated.dumps(), source="here") == calibrated
    assert "calibration" not in json.loads(plain_manifest.dumps())
    lame = plain_of(calibrated)
    del lame["calibration"]["after"]
    with pytest.raises(ManifestError, match=r"calibration is incomplete.*after"):
        parse_manifest(sealed(lame), source="here")
