"""`edgeemg export` as a user meets it, apart from what test_train.py does with a whole run."""

from pathlib import Path

from edgeemg.cli.export import _log


def test_the_log_lies_in_the_run_or_beside_the_bundle_where_it_cannot(tmp_path: Path) -> None:
    assert _log(tmp_path, tmp_path / "b") == tmp_path / "export.log"
    closed = Path("/proc/self")  # nobody writes there, root neither
    assert _log(closed, tmp_path / "b") == tmp_path / "b.export.log"
