"""Compilers that may not be there, and where the firmware is."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest


@pytest.fixture(scope="session")
def sources(project_root: Path) -> Path:
    return project_root / "firmware_bridge" / "firmware"


@pytest.fixture(scope="session")
def needs(missing: Callable[[str], NoReturn]) -> Callable[..., None]:
    """`needs("gcc")` skips where it is not installed, and fails in CI."""

    def look(*tools: str) -> None:
        absent = [tool for tool in tools if shutil.which(tool) is None]
        if absent:
            missing(f"not installed: {', '.join(absent)}")

    return look
