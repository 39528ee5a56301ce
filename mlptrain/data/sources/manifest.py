"""A CSV manifest: a table of image files and their labels."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.data.sources.source import Files, LocatedPath, Source, sources
from mlptrain.errors import DataError
from mlptrain.paths import opened, unmarked
from mlptrain.text import exact, show_name, show_path

_COLUMNS = ("filepath", "label")
_CSV_ERRORS = {  # parts of the csv module's messages
    "unexpected end of data": "no quote closes the last value",
    "expected after": "text follows a closing quote. Double the quotes within a value",
    "field limit": "a value has more than 131,072 characters; probably a quote is not closed",
}
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MOST_SHOWN, _LONGEST_SHOWN = 4, 40  # columns, and characters of each


@sources.register
class Manifest(Source):
    """A CSV file (RFC 4180, UTF-8) whose first line names the columns: `filepath`, relative to the
    file, and `label`, the class name; others are ignored."""

    type: Literal["csv"] = "csv"
    described: ClassVar[str] = "a .csv with the columns filepath,label"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)
    path: Annotated[LocatedPath, Field(description="CSV file with the columns filepath,label")]

    @property
    def place(self) -> str:
        return self.path

    def content(self) -> Files:
        labels: dict[str, tuple[str, int]] = {}
        names, lines = [], []
        rows = self._rows()
        columns = self._columns(*next(rows, (1, [])))
        for line, row in rows:
            if not row:
                continue
            if len(row) != len(columns):
                values = f"{len(row)} value{'' if len(row) == 1 else 's'}"
                raise self._error(
                    line,
                    f"has {values}, but the first line names {len(columns)} columns. Write one "
                    "value per column, with quotes around a value that holds a comma",
                )
            name, label = (row[columns.index(column)] for column in _COLUMNS)
            if not name or not label or "\0" in name:
                raise self._error(line, "filepath or label is empty or no possible name")
            if exact(label) != label:
                raise self._error(
                    line, f"the label '{exact(label)}' is not UTF-8. Save the file as UTF-8"
                )
            known, known_line = labels.setdefault(name, (label, line))
            if known != label:
                raise self._error(
                    line,
                    f"{show_name(name)} is '{show_name(label)}' here, but '{show_name(known)}' in "
                    f"line {known_line}. One file has one label",
                )
            names.append(name)
            lines.append(line)
        if not names:
            raise self._error(1, "no images are listed. Expected one line per image")
        root = str(Path(self.path).parent)
        return Files(root, tuple(names), tuple(labels[name][0] for name in names), tuple(lines))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each record with the number of its first line."""
        with opened(self.path) as (file, size):
            text = unmarked(file.read(size)).decode("utf-8", "surrogateescape")
        self._refuse_other_separators(re.split("[\r\n]", text, maxsplit=1)[0])
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        line = 1
        try:
            for row in reader:
                yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise self._error(line, f"is not CSV: {_worded(error)}") from None

    def _refuse_other_separators(self, first_line: str) -> None:
        if first_line.strip('"').lower().startswith("sep="):
            raise self._error(
                1, f"'{show_name(first_line[:_LONGEST_SHOWN])}' is for Excel only. Remove the line"
            )
        for separator, name in _SEPARATORS.items():
            if {cell.strip(' "') for cell in first_line.split(separator)} >= set(_COLUMNS):
                raise self._error(
                    1, f"the columns are separated by {name}. Save the file with commas"
                )

    def _columns(self, line: int, header: list[str]) -> list[str]:
        if all(header.count(column) == 1 for column in _COLUMNS):
            return header
        shown = ", ".join(f"'{show_name(name[:_LONGEST_SHOWN])}'" for name in header[:_MOST_SHOWN])
        if len(header) > _MOST_SHOWN:
            shown += f" … ({len(header):,} in all)"
        raise self._error(
            line,
            f"the columns are {shown or 'missing'}. The first line must be filepath,label: image "
            "files and their classes. Pixels belong into an .npz or IDX file",
        )

    def _error(self, line: int, problem: str) -> DataError:
        return DataError(f"{show_path(self.path)}:{line}: {problem}.")


def _worded(error: csv.Error) -> str:
    return next((said for part, said in _CSV_ERRORS.items() if part in str(error)), str(error))
