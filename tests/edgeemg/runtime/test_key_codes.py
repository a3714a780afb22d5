import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from edgeemg.runtime.key_codes import KEY_CODES

HEADER = Path("/usr/include/linux/input-event-codes.h")


def test_every_key_has_a_number_of_its_own() -> None:
    assert len(set(KEY_CODES.values())) == len(KEY_CODES) == 188
    assert (KEY_CODES["KEY_ESC"], KEY_CODES["KEY_ENTER"], KEY_CODES["KEY_MICMUTE"]) == (1, 28, 248)


def test_the_numbers_are_those_of_the_kernels_header(
    tmp_path: Path, missing: Callable[[str], NoReturn]
) -> None:
    if shutil.which("gcc") is None or not HEADER.exists():
        missing(f"gcc or {HEADER} is missing")
    lines = "".join(f'printf("{name} %d\\n", {name});' for name in KEY_CODES)
    source = "#include <linux/input-event-codes.h>\n#include <stdio.h>\n"
    (tmp_path / "keys.c").write_text(f"{source}int main(void) {{ {lines} return 0; }}\n")
    subprocess.run(["gcc", "-o", tmp_path / "keys", tmp_path / "keys.c"], check=True)
    done = subprocess.run([tmp_path / "keys"], capture_output=True, text=True, check=True)
    printed = dict(line.split() for line in done.stdout.splitlines())
    assert {name: str(code) for name, code in KEY_CODES.items()} == printed
