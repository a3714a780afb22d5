"""Bundles that somebody made to do harm, sealed as a good one is: refused in one line, no crash.

Each is opened in a child with little memory: what would need more dies there, and fails the test.
"""

import hashlib
import io
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.digests import sha256_of
from edgeemg.errors import ManifestError
from edgeemg.manifest import (
    MANIFEST_NAME,
    ModelFile,
    parse_manifest,
    read_manifest,
    write_manifest,
)
from edgeemg.runtime.bundle import GOLDEN_NAME, Bundle, open_bundle

LEAST_MB = 768  # of addresses: numpy and its threads take 300
# opens the bundle as `run`, `check` and `doctor` do, and says how it went
OPENS = """
import json, resource, sys
from pathlib import Path
import numpy
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
from edgeemg.errors import ManifestError
from edgeemg.runtime.bundle import open_bundle
try:
    bundle = open_bundle(Path(sys.argv[1]))
    bundle.golden()
    said = None
except ManifestError as error:
    said = str(error)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"said": said, "peak_kb": peak}))
"""


def opened(folder: Path) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-c", OPENS, str(folder), str(LEAST_MB << 20)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


@pytest.fixture
def own(tiny_bundle: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    return folder


def sealed_over(folder: Path, content: bytes) -> Path:
    """The bundle with other golden inputs, and a manifest that vouches for them."""
    golden = folder / GOLDEN_NAME
    golden.write_bytes(content)
    manifest = read_manifest(folder)
    facts = ModelFile(sha256_of(golden), golden.stat().st_size)
    write_manifest(replace(manifest, files={**manifest.files, GOLDEN_NAME: facts}), folder)
    return folder


def array(shape: object, data: bytes, *, descr: object = "<f4", header: str = "") -> bytes:
    """An .npy file of format 1.0 with the header that was asked for; numpy.lib.format."""
    text = header or repr({"descr": descr, "fortran_order": False, "shape": shape})
    padded = text.encode() + b" " * (64 - (len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(padded)) + padded + data


def archive(inputs: bytes, *, kind: int = zipfile.ZIP_DEFLATED) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", kind) as file:
        file.writestr("inputs.npy", inputs)
        file.writestr("logits.npy", array((1, 3), bytes(12)))
    return made.getvalue()


def patched(content: bytes, signature: bytes, offset: int, value: bytes) -> bytes:
    """Bytes changed behind every signature: of a zip's local and central headers."""
    changed, place = bytearray(content), content.find(signature)
    while place >= 0:
        changed[place + offset : place + offset + len(value)] = value
        place = content.find(signature, place + 1)
    return bytes(changed)


def bomb() -> bytes:
    """100 kB that unfold to 1 GB, with a header that claims as much."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("inputs.npy", "w", force_zip64=True) as member:
            member.write(array((2**26, 4), b""))
            for _ in range(1024):
                member.write(bytes(2**20))
        file.writestr("logits.npy", array((1, 3), bytes(12)))
    return made.getvalue()


GOOD = array((1, 4, 100), bytes(1600))
NOISE = array((1, 4, 100), np.random.default_rng(0).normal(size=400).astype("<f4").tobytes())
HOSTILE = {
    "nothing": b"",
    "no archive": b"PK\x03\x04" + bytes(100),
    "a huge claim": archive(array((2**40,), b"")),
    "a claim beyond any number": archive(array((10**30, 10**30), b"")),
    "a negative shape": archive(array((-4, -100), bytes(1600))),
    "a size that is unknown": archive(array((-1,), bytes(1600))),
    "a type of nothing": archive(array((4,), bytes(16), descr=())),
    "a type that is half": archive(array((4,), bytes(16), descr=("<f4",))),
    "a shape of words": archive(array("words", bytes(1600))),
    "objects": archive(array((4,), bytes(32), descr="|O")),
    "a type of types": archive(array((4,), bytes(16), descr=[("a", [("b", "<f4")])])),
    "a type that is none": archive(array((4,), bytes(16), descr="<f4,,,(2")),
    "a header of brackets": archive(array((), b"", header="(" * 9000)),
    "a header of minus signs": archive(array((), b"", header="-" * 9000 + "1")),
    "a header with a string without an end": archive(array((), b"", header="{'descr': '")),
    "a header of another language": archive(array((), b"", header="{\xff\x00}")),
    "a header of numbers": archive(array((), b"", header="{1: 2, 'shape': 3}")),
    "a member that is cut": archive(GOOD[:40]),
    "a locked member": patched(patched(archive(GOOD), b"PK\x03\x04", 6, b"\x01\x00"),
                               b"PK\x01\x02", 8, b"\x01\x00"),
    "an unknown compression": patched(patched(archive(GOOD), b"PK\x03\x04", 8, b"\x63\x00"),
                                      b"PK\x01\x02", 10, b"\x63\x00"),
    "a smaller size than there is": patched(archive(GOOD), b"PK\x01\x02", 24, struct.pack("<I", 9)),
    "damaged deflate": patched(archive(NOISE), b"inputs.npy", 200, b"\xff" * 20),
    "damaged lzma": patched(
        archive(NOISE, kind=zipfile.ZIP_LZMA), b"inputs.npy", 200, b"\xff" * 20
    ),
    "no lzma": patched(archive(NOISE, kind=zipfile.ZIP_LZMA), b"inputs.npy", 10, b"\xff" * 9),
    "damaged bzip2": patched(
        archive(NOISE, kind=zipfile.ZIP_BZIP2), b"inputs.npy", 200, b"\xff" * 20
    ),
}  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_hostile_golden_inputs_are_refused(own: Path, content: bytes) -> None:
    bundle = open_bundle(sealed_over(own, content))
    with pytest.raises(ManifestError, match=r"golden\.npz") as caught:
        bundle.golden()
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_these_tests_make_archives_that_could_be_read(own: Path) -> None:
    for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        inputs, _ = open_bundle(sealed_over(own, archive(GOOD, kind=kind))).golden()
        assert inputs.shape == (1, 4, 100)


def test_an_archive_bomb_is_refused_within_little_memory(own: Path) -> None:
    packed = bomb()
    assert len(packed) < 2**21
    good = opened(own)
    answer = opened(sealed_over(own, packed))
    assert good["said"] is None
    assert "golden.npz" in str(answer["said"])
    assert int(str(answer["peak_kb"])) < int(str(good["peak_kb"])) + 40_000


def test_a_header_that_claims_a_terabyte_is_refused_within_little_memory(own: Path) -> None:
    answer = opened(sealed_over(own, archive(array((2**38,), bytes(64)))))
    assert "golden.npz" in str(answer["said"])


def test_damage_anywhere_in_the_archive_is_refused_or_read(own: Path) -> None:
    good = (own / GOLDEN_NAME).read_bytes()
    refused = 0
    for seed in range(300):
        content = damaged(good, random.Random(seed))
        bundle = Bundle(sealed_over(own, content), read_manifest(own))
        try:
            inputs, logits = bundle.golden()
        except ManifestError:
            refused += 1
            continue
        assert np.isfinite(inputs).all(), seed
        assert np.isfinite(logits).all(), seed
    assert 100 < refused < 300


def damaged(content: bytes, chance: random.Random) -> bytes:
    """The same bytes with some of them changed; now and then cut off."""
    changed = bytearray(content)
    for _ in range(chance.choice((1, 3, 30))):
        at = chance.randrange(len(changed))
        end = min(len(changed), at + chance.choice((1, 2, 4)))
        changed[at:end] = chance.randbytes(end - at)
    if chance.random() < 0.2:
        del changed[chance.randrange(len(changed)) :]
    return bytes(changed)


# --- the manifest, as a file of a bundle


def test_a_bomb_of_brackets_in_place_of_a_manifest_is_refused(own: Path) -> None:
    for text in ("[" * 4_000_000, '{"a":' * 600_000, "-" * 4_000_000, "1" * 4_000_000):
        (own / MANIFEST_NAME).write_text(text)
        answer = opened(own)
        assert MANIFEST_NAME in str(answer["said"])
        assert len(str(answer["said"])) < 1000


@pytest.mark.parametrize("name", ["../outside.npz", "/etc/passwd", "..", "a/../golden.npz", "."])
def test_a_name_that_leaves_the_folder_is_refused(own: Path, name: str) -> None:
    manifest = read_manifest(own)
    outside = own.parent / "outside.npz"
    shutil.copy(own / GOLDEN_NAME, outside)
    facts = {**manifest.files, name: ModelFile(sha256_of(outside), outside.stat().st_size)}
    write_manifest(replace(manifest, files=facts), own)
    with pytest.raises(ManifestError, match="must be a plain file in the bundle"):
        open_bundle(own)


@pytest.mark.parametrize("name", [GOLDEN_NAME, "model.onnx"])
def test_a_symbolic_link_is_refused_wherever_it_leads(own: Path, name: str) -> None:
    real = own.parent / name
    shutil.move(own / name, real)
    (own / name).symlink_to(real)
    with pytest.raises(ManifestError, match="must be a plain file"):
        open_bundle(own)


@pytest.mark.parametrize("kind", ["link", "pipe", "device"])
def test_a_manifest_that_is_no_plain_file_is_refused_and_not_waited_for(
    own: Path, kind: str
) -> None:
    path = own / MANIFEST_NAME
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero" if kind == "device" else own.parent / "nowhere")
    assert MANIFEST_NAME in str(opened(own)["said"])


def mutated(plain: object, chance: random.Random) -> object:
    """The same JSON with one value in it replaced, left out, or put elsewhere."""
    if isinstance(plain, dict) and plain and chance.random() < 0.8:
        name = chance.choice(list(plain))
        return {**plain, name: mutated(plain[name], chance)}
    if isinstance(plain, list) and plain and chance.random() < 0.8:
        place = chance.randrange(len(plain))
        return [*plain[:place], mutated(plain[place], chance), *plain[place + 1 :]]
    odd = (None, True, -1, 0, 1e308, 2**63, 10**400, "", "\0", "../x", [], {}, [[]], {"": {}})
    return chance.choice(odd)


def test_any_value_anywhere_in_a_sealed_manifest_is_refused_or_taken(own: Path) -> None:
    good = json.loads((own / MANIFEST_NAME).read_text())
    good.pop("manifest_sha256")
    refused = 0
    for seed in range(300):
        chance = random.Random(seed)
        plain: object = good
        for _ in range(chance.choice((1, 1, 3))):
            plain = mutated(plain, chance)
        (own / MANIFEST_NAME).write_text(sealed(plain))
        try:
            open_bundle(own)
        except ManifestError:
            refused += 1
    assert 100 < refused < 300


def sealed(plain: object) -> str:
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    if not isinstance(plain, dict):
        return canonical
    seal = hashlib.sha256(canonical.encode()).hexdigest()
    return json.dumps({**plain, "manifest_sha256": seal})


def test_random_bytes_are_no_manifest() -> None:
    for seed in range(300):
        content = random.Random(seed).randbytes(seed * 7)
        with pytest.raises(ManifestError, match="here is not readable JSON"):
            parse_manifest(content, source="here")
