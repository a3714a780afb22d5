"""`edgeemg data`: what people type, what they see, and the exit code."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edgeemg.cli import main as cli

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Type a command; returns exit code, stdout, stderr."""

    def typed(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edgeemg", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        shown = capsys.readouterr()
        return int(left.value.code or 0), shown.out, shown.err

    return typed


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """100 Hz: two good columns and a flat one; up, quiet, down, and a blip."""
    path = tmp_path / "mine.csv"
    labels = ["up"] * 80 + ["quiet"] * 80 + ["down"] * 80 + ["blip"] * 4
    rows = [f"{row},{row * 7 % 11},{row * 5 % 13},0,{label}" for row, label in enumerate(labels)]
    path.write_text("\n".join(["index,a,b,c,label", *rows]))
    return path


def test_import_names_what_it_left_out_and_info_tells_it_again(
    run: Run, table: Path, tmp_path: Path
) -> None:
    out = tmp_path / "rec"
    words = ("--rate", 100, "--mains", 50, "--rest-label", "quiet", "--licence", "CC0-1.0")
    code, stdout, stderr = run("data", "import", "csv", table, "--out", out, *words)
    assert (code, stdout) == (0, "")
    assert "channel left out: c: flat at 0.00 uV" in stderr
    assert "trial skipped: mine.csv, row 241 (blip): 40 ms is too short" in stderr
    assert "columns not read: index" in stderr
    assert "1 recordings, 3 trials" in stderr

    code, stdout, stderr = run("data", "info", out)
    assert (code, stdout) == (0, "")
    assert "01       1        speech  1     0.0      100  50     2         3" in stderr
    assert "trials of each class: down 1, rest 1, up 1" in stderr
    assert "channel left out: c: flat at 0.00 uV" in stderr
    assert "trial skipped: mine.csv, row 241 (blip)" in stderr
    assert "licence: CC0-1.0" in stderr

    code, stdout, _ = run("data", "info", out, "--json")
    told = json.loads(stdout)
    assert code == 0
    assert told["trials"] == {"up": 1, "rest": 1, "down": 1}
    assert told["groups"][0]["channels"] == ["a", "b"]
    assert told["generated"] is False


def test_importing_twice_is_one_clear_line(run: Run, table: Path, tmp_path: Path) -> None:
    words = ("data", "import", "csv", table, "--out", tmp_path / "rec", "--rate", 100)
    assert run(*words)[0] == 0
    code, _, stderr = run(*words)
    assert code == 2
    assert stderr.strip().splitlines()[-1].startswith("edgeemg: ")
    assert "sub-01_ses-1_task-speech_emg.bdf exists already" in stderr
    assert run(*words, "--session", 2)[0] == 0
    _, stdout, _ = run("data", "info", tmp_path / "rec", "--json")
    assert [group["session"] for group in json.loads(stdout)["groups"]] == ["1", "2"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("import", "csv", "nowhere", "--out", "x", "--rate", "9"), "no such file or folder"),
        (("import", "subvocal-emg", ".", "--out", "x"), "holds no subvocal-emg files"),
        (("import", "somach-semg", ".", "--out", "x"), "holds no somach-semg trials"),
        (("import", "nope", ".", "--out", "x"), "'nope' is not one of"),
        (("import", "csv", ".", "--out", "x", "--rate", "0"), "0.0 is not in the range"),
        (("info", "."), "holds no recordings"),
        (("info", "nowhere"), "is not a folder"),
        (("synth", "--out", "x", "--channels", "0"), "channels"),
    ],
)
def test_bad_input_is_exit_code_2_and_one_line(
    run: Run,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, stdout, stderr = run("data", *words)
    assert code == 2
    assert stdout == ""
    assert message in stderr
    assert "Traceback" not in stderr
    assert not (tmp_path / "x").exists()


def test_every_importer_and_unit_can_be_asked_for(run: Run) -> None:
    from edgeemg.data.importers import IMPORTERS
    from edgeemg.data.importers.csv_plan import UNITS

    _, stdout, _ = run("data", "import", "--help")
    assert f"{{{'|'.join(IMPORTERS)}}}" in stdout
    assert f"[{'|'.join(UNITS)}]" in stdout


def test_a_tab_is_typed_as_a_word(run: Run, table: Path, tmp_path: Path) -> None:
    table.write_text(table.read_text().replace(",", "\t"))
    words = ("data", "import", "csv", table, "--out", tmp_path / "rec", "--rate", 100)
    assert run(*words, "--delimiter", "tab")[0] == 0
    code, _, stderr = run(*words, "--delimiter", ";")
    assert code == 2
    assert "no columns that look like labels" in stderr


def test_identical_recordings_are_told_by_import_and_info(
    run: Run, table: Path, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / f"{name}.csv").write_text(table.read_text())
    words = ("data", "import", "csv", tmp_path / "set", "--out", tmp_path / "rec", "--rate", 100)
    told = "warning: sub-01_ses-1_task-speech_run-1 and sub-01_ses-1_task-speech_run-2 hold identi"
    assert told in run(*words)[2]
    shown = run("data", "info", tmp_path / "rec")[2]
    assert shown.count("hold identical samples") == 1
    assert told in shown


def test_a_decimal_comma_is_typed(run: Run, table: Path, tmp_path: Path) -> None:
    rows = [f"{row},5;up" for row in range(80)]
    table.write_text("\n".join(["a;label", *rows]))
    words = ("data", "import", "csv", table, "--out", tmp_path / "rec", "--rate", 100)
    code, _, stderr = run(*words)
    assert code == 2
    assert "a begins with '0,5'" in stderr
    assert run(*words, "--decimal", ",")[0] == 0


def test_generated_emg_says_so(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "rec"
    small = ("--subjects", 2, "--repetitions", 1, "--words", 2, "--channels", 2)
    code, _, stderr = run("data", "synth", "--out", out, *small)
    assert code == 0
    assert "2 recordings of GENERATED EMG" in stderr
    _, _, stderr = run("data", "info", out)
    assert "GENERATED EMG: no person was recorded" in stderr
    assert json.loads(run("data", "info", out, "--json")[1])["generated"] is True


def test_help_shows_examples(run: Run) -> None:
    for verb in ("import", "info", "synth"):
        code, stdout, _ = run("data", verb, "--help")
        assert code == 0
        assert f"edgeemg data {verb} " in stdout


def test_help_and_a_missing_folder_load_nothing_heavy(tmp_path: Path) -> None:
    program = (
        "import sys; from edgeemg.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'scipy', 'edfio', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, "data", "info", str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    assert "holds no recordings" in ran.stderr


def test_a_published_folder_is_imported_and_its_warning_shown(
    run: Run, shared_data: Path, tmp_path: Path
) -> None:
    source = shared_data / "subvocal-emg" / "P007" / "S" / "Nao.csv.gz"
    code, _, stderr = run("data", "import", "subvocal-emg", source, "--out", tmp_path)
    assert code == 0
    assert "channel left out: Channel_5" in stderr
    _, _, stderr = run("data", "info", tmp_path)
    assert "warning: Each file holds one word only" in stderr
    assert "licence: BSD-3-Clause" in stderr
