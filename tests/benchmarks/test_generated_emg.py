import subprocess
import sys
from pathlib import Path


def test_a_folder_without_recordings_is_one_clear_line(tmp_path: Path, project_root: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "benchmarks.generated_emg", str(tmp_path)],
        cwd=project_root,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 1
    assert str(tmp_path) in ran.stderr
    assert "Traceback" not in ran.stderr
