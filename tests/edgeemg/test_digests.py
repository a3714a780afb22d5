import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg import digests
from edgeemg.digests import sha256, sha256_of


@given(st.binary(max_size=300))
def test_it_is_the_sha256_of_hashlib(content: bytes) -> None:
    assert sha256(content).hexdigest() == hashlib.sha256(content).hexdigest()


def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    content = bytes(range(256)) * 10_000
    (tmp_path / "file").write_bytes(content)
    assert sha256_of(tmp_path / "file") == hashlib.sha256(content).hexdigest()


def test_without_the_interpreters_own_module_hashlib_does_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(digests, "_MODULES", ("_no_such_module", "hashlib"))
    assert sha256(b"a").hexdigest() == hashlib.sha256(b"a").hexdigest()


def test_a_manifest_is_checked_without_openssl() -> None:
    code = "import sys, edgeemg.manifest; sys.exit('_hashlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
