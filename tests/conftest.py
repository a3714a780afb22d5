"""What many tests lean on."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


def missing(reason: str) -> None:
    """Skip where a person runs the tests; fail in CI, where everything must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"in CI this must be there: {reason}")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The real recordings, which are not part of the project."""
    if not SHARED_DATA.is_dir():
        missing(f"real recordings are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture(scope="session")
def project_root() -> Path:
    return ROOT
