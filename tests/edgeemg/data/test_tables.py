"""Tables are read strictly: what is wrong is named by file and line."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeemg.data.tables import has_rows, is_number, read_head, read_table
from edgeemg.errors import RecordingError

GOOD = "t,CH1,CH2,label\n0,1.5,-2e3,a\n4,0,+7,b\n"


def test_columns_are_found_by_name(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("\ufeff" + GOOD, encoding="utf-8")
    table = read_table(path, numbers=("CH2", "CH1"), texts=("label",))
    np.testing.assert_array_equal(table.numbers, [[-2000, 1.5], [7, 0]])
    assert table.texts == {"label": ["a", "b"]}
    assert table.lines.tolist() == [2, 3]


def test_a_gzipped_table_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "one.csv.gz"
    path.write_bytes(gzip.compress(GOOD.replace("\n", "\r\n\r\n").encode()))
    table = read_table(path, numbers=("CH1",))
    assert table.numbers.tolist() == [[1.5], [0]]
    assert table.lines.tolist() == [3, 5]  # the empty lines count as lines


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (GOOD + "8,x,1,a\n", r"one.csv, line 4: CH1 must be a finite number, got 'x'"),
        (GOOD + "8,1,nan,a\n", r"line 4: CH2 must be a finite number, got 'nan'"),
        (GOOD + "8,1,inf,a\n", r"line 4: CH2"),
        (GOOD + "8,1,1e999,a\n", r"line 4: CH2"),
        (GOOD + "8,1_0,1,a\n", r"line 4: CH1"),
        (GOOD + "\n\n8,,1,a\n", r"line 6: CH1 must be a finite number, got ''"),
        (GOOD + "8,1,1\n", r"line 4: wanted 4 cells as in line 1, got 3"),
        (GOOD + "8,1,1,a,b\n", r"line 4: wanted 4 cells as in line 1, got 5"),
        ("t,CH1,label\n", r"line 1: wanted the columns CH2"),
        ("", r"line 1: wanted the columns CH1, CH2"),
        ('t,CH1,CH2,label\n0,1,2,"a\n', r"not a table"),
    ],
)
def test_a_fault_is_named_by_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "one.csv"
    path.write_text(text)
    with pytest.raises(RecordingError, match=message):
        read_table(path, numbers=("CH1", "CH2"))


def test_a_fault_far_down_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_text("CH1\n" + "1\n" * 120_000 + "x\n")
    with pytest.raises(RecordingError, match="line 120002"):
        read_table(path, numbers=("CH1",))
    path.write_text("CH1\n" + "1\n" * 120_000)
    assert len(read_table(path, numbers=("CH1",))) == 120_000


def test_what_is_no_text_is_an_error(tmp_path: Path) -> None:
    latin = tmp_path / "latin.csv"
    latin.write_bytes("CH1,não\n".encode("latin-1"))
    with pytest.raises(RecordingError, match="not UTF-8"):
        read_table(latin, numbers=("CH1",))
    cut = tmp_path / "cut.csv.gz"
    cut.write_bytes(gzip.compress(GOOD.encode() * 100)[:-12])
    with pytest.raises(RecordingError, match="truncated"):
        read_table(cut, numbers=("CH1",))
    plain = tmp_path / "plain.csv.gz"
    plain.write_text(GOOD)
    with pytest.raises(RecordingError, match="not gzip"):
        read_table(plain, numbers=("CH1",))
    with pytest.raises(RecordingError, match="no such file"):
        read_table(tmp_path / "nowhere.csv", numbers=("CH1",))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_head_finds_the_delimiter(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "one.csv"
    path.write_text(GOOD.replace(",", delimiter))
    head = read_head(path)
    assert head.delimiter == delimiter
    assert head.columns == ("t", "CH1", "CH2", "label")
    assert head.first_row == ("0", "1.5", "-2e3", "a")


@pytest.mark.parametrize(
    "text",
    [
        '"CH1";"CH2";"label"\r\n"1.5";"2";"yes; please"\r\n',  # quoted, Windows
        'CH1, CH2, "label"\n1.5, 2, "yes; please"\n',  # blanks behind the delimiter
        "CH1\tCH2\tlabel\r1.5\t2\tyes; please\r",  # old line ends
        '"CH1"\t"CH2"\t"label"\n1.5\t2\t"yes; please"',  # no end of the last line
    ],
)
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_quotes_line_ends_and_a_bom_change_nothing(tmp_path: Path, text: str, bom: str) -> None:
    path = tmp_path / "one.csv"
    path.write_bytes((bom + text).encode())
    head = read_head(path)
    assert head.columns == ("CH1", "CH2", "label")
    table = read_table(path, numbers=("CH1", "CH2"), texts=("label",), delimiter=head.delimiter)
    assert table.numbers.tolist() == [[1.5, 2]]
    assert table.texts == {"label": ["yes; please"]}


def test_a_delimiter_within_a_quoted_name_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text('"EXG 1, left, uV";label\n1;a\n')
    assert read_head(path).columns == ("EXG 1, left, uV", "label")


def test_a_decimal_comma_is_read_where_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "one.csv"
    path.write_text("CH1;CH2\n1,5;-2,5e1\n3;,25\n")
    table = read_table(path, numbers=("CH1", "CH2"), delimiter=";", decimal=",")
    assert table.numbers.tolist() == [[1.5, -25], [3, 0.25]]
    with pytest.raises(RecordingError, match=r"line 2: CH1 .* got '1,5': .* not '\.' .*--decimal"):
        read_table(path, numbers=("CH1",), delimiter=";")
    for cell in ("1.5", "1.234,5", "1,234,5"):
        path.write_text(f"CH1;CH2\n1,5;2\n{cell};2\n")
        with pytest.raises(RecordingError, match="line 3: CH1 must be a finite number"):
            read_table(path, numbers=("CH1",), delimiter=";", decimal=",")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", False), ("\ufeff", False), ("a,b\n", False), ("\r\n \n", False), ("a\n\n1\n", True)],
)
def test_a_header_alone_is_no_row(tmp_path: Path, text: str, expected: bool) -> None:
    for name, content in (("x.csv", text.encode()), ("x.csv.gz", gzip.compress(text.encode()))):
        (tmp_path / name).write_bytes(content)
        assert has_rows(tmp_path / name) == expected


@pytest.mark.parametrize("line", ["", "a,a,b\n", "a,,b\n"])
def test_a_head_without_different_names_is_an_error(tmp_path: Path, line: str) -> None:
    path = tmp_path / "one.csv"
    path.write_text(line)
    with pytest.raises(RecordingError, match="line 1"):
        read_head(path)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=80))
def test_any_bytes_are_read_or_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.csv"
    path.write_bytes(b"CH1,label\n1,a\n" + data)
    try:
        table = read_table(path, numbers=("CH1",), texts=("label",))
    except RecordingError as error:
        assert "any.csv" in str(error)  # noqa: PT017  # either end is right
    else:
        assert np.isfinite(table.numbers).all()
        assert len(table) == len(table.texts["label"]) >= 1


@given(st.text(max_size=12))
def test_a_number_is_what_float_takes_but_finite_and_plain(cell: str) -> None:
    try:
        expected = abs(float(cell)) < float("inf") and "_" not in cell
    except ValueError:
        expected = False
    assert is_number(cell) == expected
