"""Compilers that may not be there, and where the firmware is."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sources(project_root: Path) -> Path:
    return project_root / "firmware_bridge" / "firmware"


@pytest.fixture(scope="session")
def needs() -> Callable[..., None]:
    """`needs("gcc")` skips where it is not installed, and fails in CI."""

    def look(*tools: str) -> None:
        absent = [tool for tool in tools if shutil.which(tool) is None]
        if not absent:
            return
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI this must be there: {', '.join(absent)}")
        pytest.skip(f"not installed: {', '.join(absent)}")

    return look
