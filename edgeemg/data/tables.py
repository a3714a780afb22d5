"""A CSV file in, its columns out; every fault names the file and the line.

Plain or gzipped, UTF-8 with or without a BOM, any line ends, cells quoted or not. Strict: a cell
that is no finite number, or a row with too few or too many cells, is an error. An empty line is not
a row. The decimal mark is a point unless the caller says that it is a comma; it is never guessed.
"""

import csv
import gzip
import io
import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import RecordingError

if TYPE_CHECKING:
    import _csv

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")
_DELIMITERS = ",;\t"
_SWAP = str.maketrans(",.", ".,")
_CHUNK_ROWS = 50_000  # bounds the memory that text takes


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Columns of one file: `numbers` (row, column) float64, `texts` one list a text column.

    `lines` (row,) is the line of the file that each row stands on, from 1.
    """

    path: Path
    numbers: NDArray[np.float64]
    texts: dict[str, list[str]]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.numbers)


@dataclass(frozen=True, slots=True)
class Head:
    """The first lines of a file: its delimiter, its column names, and its first row if any."""

    delimiter: str
    columns: tuple[str, ...]
    first_row: tuple[str, ...]


def read_head(path: Path, *, delimiter: str = "") -> Head:
    """Column names and first row; without a `delimiter`, the one of , ; and tab that gives most."""
    with _open(path) as stream:
        line = stream.readline()
        used = delimiter or max(_DELIMITERS, key=lambda one: len(_cells(line, one)))
        names = tuple(name.strip() for name in _cells(line, used))
        if not names or len(set(names)) != len(names) or not all(names):
            raise RecordingError(
                f"{path}, line 1: wanted one line of different column names, got {line[:60]!r}"
            )
        rows = csv.reader(stream, delimiter=used, skipinitialspace=True)
        first_row = next((tuple(row) for row in rows if row), ())
    return Head(used, names, first_row)


def has_rows(path: Path) -> bool:
    """Whether anything stands below the header."""
    with _open(path) as stream:
        written = (line for line in stream if line.strip())
        return next(written, None) is not None and next(written, None) is not None


def read_table(
    path: Path,
    *,
    numbers: Sequence[str],
    texts: Sequence[str] = (),
    delimiter: str = ",",
    decimal: str = ".",
) -> Table:
    """The named columns of a file. RecordingError names the line, or the columns it lacks."""
    with _open(path) as stream:
        reader = csv.reader(stream, delimiter=delimiter, strict=True, skipinitialspace=True)
        header = [name.strip() for name in next(reader, [])]
        missing = [name for name in (*numbers, *texts) if name not in header]
        if missing:
            raise RecordingError(
                f"{path}, line 1: wanted the columns {', '.join(missing)}, "
                f"got {', '.join(header)[:200]!r}"
            )
        blocks, lines = [], []
        found: dict[str, list[str]] = {name: [] for name in texts}
        for rows, places in _chunks(path, reader, len(header)):
            columns = list(zip(*rows, strict=True))
            wanted = {name: columns[header.index(name)] for name in numbers}
            blocks.append(_numbers(path, wanted, places, decimal))
            lines.append(np.asarray(places, dtype=np.int64))
            for name, cells in found.items():
                cells.extend(columns[header.index(name)])
    if not blocks:
        return Table(path, np.zeros((0, len(numbers))), found, np.zeros(0, dtype=np.int64))
    return Table(path, np.concatenate(blocks), found, np.concatenate(lines))


def _chunks(
    path: Path, reader: "_csv.Reader", width: int
) -> Iterator[tuple[list[list[str]], list[int]]]:
    """Rows and the lines they stand on, so many at a time that memory stays small."""
    numbered = ((row, reader.line_num) for row in reader if row)
    while chunk := list(islice(numbered, _CHUNK_ROWS)):
        rows = [row for row, _ in chunk]
        for row, line in chunk:
            if len(row) != width:
                raise RecordingError(
                    f"{path}, line {line}: wanted {width} cells as in line 1, got {len(row)}"
                )
        yield rows, [line for _, line in chunk]


def _numbers(
    path: Path, columns: dict[str, tuple[str, ...]], places: Sequence[int], decimal: str
) -> NDArray[np.float64]:
    """Cells of each named column -> (row, column)."""
    block = np.empty((len(places), len(columns)))
    for column, (name, cells) in enumerate(columns.items()):
        plain = cells if decimal == "." else [_with_point(cell, decimal) for cell in cells]
        with suppress(ValueError):
            block[:, column] = list(map(float, plain))
            if np.isfinite(block[:, column]).all() and "_" not in "".join(cells):
                continue
        fault = next(row for row, cell in enumerate(cells) if not is_number(cell, decimal))
        got = cells[fault]
        other = has_other_mark(got, decimal)
        hint = f": its decimal mark is not {decimal!r} (csv: --decimal)" if other else ""
        raise RecordingError(
            f"{path}, line {places[fault]}: {name} must be a finite number, got {got[:40]!r}{hint}"
        )
    return block


def is_number(cell: str, decimal: str = ".") -> bool:
    """Whether a cell is one finite number; Python's 1_000 is none."""
    try:
        return math.isfinite(float(_with_point(cell, decimal))) and "_" not in cell
    except ValueError:
        return False


def has_other_mark(cell: str, decimal: str) -> bool:
    """Whether a cell is a number with the decimal mark that was not asked for."""
    other = "." if decimal == "," else ","
    return not is_number(cell, decimal) and is_number(cell, other)


def _with_point(cell: str, decimal: str) -> str:
    """With a decimal comma a point is a fault, not a second decimal mark: the two are swapped."""
    return cell if decimal == "." else cell.translate(_SWAP)


def _cells(line: str, delimiter: str) -> list[str]:
    return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])


@contextmanager
def _open(path: Path) -> Iterator[TextIO]:
    """The text of a file, gzipped or not; every way in which it is no text is a RecordingError."""
    try:
        with path.open("rb") as raw:
            data = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            with io.TextIOWrapper(data, encoding="utf-8-sig", newline="") as stream:
                yield stream
    except FileNotFoundError as error:
        raise RecordingError(f"{path}: there is no such file") from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not UTF-8 text ({error.reason})") from error
    except csv.Error as error:
        raise RecordingError(f"{path} is not a table ({error})") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RecordingError(f"{path} is truncated or not gzip ({error})") from error
