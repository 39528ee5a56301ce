"""Records of a CSV file (RFC 4180, UTF-8) whose first line names the columns."""

import csv
import io
import math
import re
from collections.abc import Iterator

from mlptrain.errors import DataError
from mlptrain.paths import opened, unmarked
from mlptrain.text import exact, show_name, show_path

_CSV_ERRORS = {  # parts of the csv module's messages
    "unexpected end of data": "no quote closes the last value",
    "expected after": "text follows a closing quote. Double the quotes within a value",
    "field limit": "a value has more than 131,072 characters; probably a quote is not closed",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MOST_SHOWN, _LONGEST_SHOWN = 4, 40  # columns, and characters of each


class TableFile:
    """A CSV file, read by the constructor. `header`: the column names in its first line.

    `columns`: the names that show which separator the file uses, if it is not the comma; without
    any, each other separator in the first line does. Every method raises DataError."""

    def __init__(self, path: str, columns: tuple[str, ...] = ()) -> None:
        self._path = path
        self._rows = _rows(path, columns)
        self._first_line, self.header = next(self._rows, (1, []))

    def records(self, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
        """The line and the values in `columns` of each record, once."""
        path, header = self._path, self.header
        _require(columns, path, self._first_line, header)
        places = [header.index(column) for column in columns]
        for line, row in self._rows:
            if not row:
                continue
            if len(row) != len(header):
                values = f"{len(row)} value{'' if len(row) == 1 else 's'}"
                raise in_line(
                    path,
                    line,
                    f"has {values}, but the first line names {len(header)} columns. Write one "
                    "value per column, with quotes around a value that holds a comma",
                )
            found = [row[place] for place in places]
            for column, text in zip(columns[1:], found[1:], strict=True):
                if exact(text) != text:
                    what = f"the {show_name(column)} '{exact(text)}'"
                    raise in_line(path, line, f"{what} is not UTF-8. Save the file as UTF-8")
            yield line, found


def number_in(cell: str | float) -> float:
    """The number in `cell`; NaN if it holds none."""
    try:
        return float(cell)
    except ValueError:
        return math.nan


def in_line(path: str, line: int, problem: str) -> DataError:
    """The error for a problem in a line."""
    return DataError(f"{show_path(path)}:{line}: {problem}.")


def _rows(path: str, columns: tuple[str, ...]) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of its first line."""
    with opened(path) as (file, size):
        text = unmarked(file.read(size)).decode("utf-8", "surrogateescape")
    _refuse_other_separators(path, re.split("[\r\n]", text, maxsplit=1)[0], columns)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        raise in_line(path, line, f"is not CSV: {_worded(error)}") from None


def _refuse_other_separators(path: str, first_line: str, columns: tuple[str, ...]) -> None:
    if first_line.strip('"').lower().startswith("sep="):
        shown = show_name(first_line[:_LONGEST_SHOWN])
        raise in_line(path, 1, f"'{shown}' is for Excel only. Remove the line")
    for separator, name in _SEPARATORS.items():
        cells = {cell.strip(' "') for cell in first_line.split(separator)}
        if len(cells) > 1 and cells >= set(columns):
            raise in_line(
                path, 1, f"the columns are separated by {name}. Save the file with commas"
            )


def _require(columns: tuple[str, ...], path: str, line: int, header: list[str]) -> None:
    """Raise DataError unless `header` has each of `columns` once."""
    if all(header.count(column) == 1 for column in columns):
        return
    shown = ", ".join(f"'{show_name(name[:_LONGEST_SHOWN])}'" for name in header[:_MOST_SHOWN])
    if len(header) > _MOST_SHOWN:
        shown += f" … ({len(header):,} in all)"
    remedy = f"The first line must name {','.join(map(show_name, columns))}"
    if len(columns) > _MOST_SHOWN:
        missing = [name for name in columns if name not in header]
        twice = (name for name in columns if header.count(name) > 1)
        wrong = missing or list(dict.fromkeys(twice))
        named = ",".join(map(show_name, wrong[:_MOST_SHOWN]))
        named += f" … ({len(wrong)} in all)" if len(wrong) > _MOST_SHOWN else ""
        remedy = f"The first line must name {named}{', too' if missing else ' only once'}"
    if columns == ("filepath", "label"):
        remedy = (
            "The first line must be filepath,label: image files and their classes. Pixels belong "
            "in an .npz or IDX file"
        )
    raise in_line(path, line, f"the columns are {shown or 'missing'}. {remedy}")


def _worded(error: csv.Error) -> str:
    return next((said for part, said in _CSV_ERRORS.items() if part in str(error)), str(error))
