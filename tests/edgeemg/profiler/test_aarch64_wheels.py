import os
from pathlib import Path

import pytest

from edgeemg.errors import MissingToolError
from edgeemg.profiler.aarch64_wheels import WHEELS, Wheels, unpack_wheels, wheels_with
from edgeemg.runtime.libraries import LIBRARIES


def test_every_engine_library_is_in_one_environment() -> None:
    for libraries in LIBRARIES.values():
        for library in libraries:
            assert library.distribution in wheels_with(library.distribution).distributions


def test_every_wheel_is_pinned_with_its_checksum() -> None:
    for wheels in WHEELS:
        for requirement in wheels.requirements:
            assert "==" in requirement
            assert len(requirement.partition("--hash=sha256:")[2]) == 64


def test_pips_reason_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # as offline, and at once
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    nowhere = Wheels("none", ("none",), (f"none==1 --hash=sha256:{'0' * 64}",), 1)
    with pytest.raises(MissingToolError, match=r"cannot download none==1 for aarch64 \(ERROR"):
        unpack_wheels(nowhere, tmp_path, tell=lambda _: None)
    assert list(tmp_path.iterdir()) == []
