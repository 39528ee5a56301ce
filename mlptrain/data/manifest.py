"""A CSV manifest: a table of image files and their labels."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from mlptrain.data.reading import opened
from mlptrain.data.source import Files, LocatedPath, Source, sources
from mlptrain.errors import DataError
from mlptrain.text import show_path

_COLUMNS = ("filepath", "label")


@sources.register
class Manifest(Source):
    """A CSV file (RFC 4180, UTF-8) whose first line names the columns: `filepath`, relative to the
    file, and `label`, the class name; others are ignored."""

    type: Literal["csv"] = "csv"
    path: Annotated[LocatedPath, Field(description="CSV file with the columns filepath,label")]

    @property
    def place(self) -> str:
        return self.path

    def content(self) -> Files:
        labels: dict[str, tuple[str, int]] = {}
        names = []
        rows = self._rows()
        columns = self._columns(*next(rows, (1, [])))
        for line, row in rows:
            if not row:
                continue
            if len(row) != len(columns):
                raise self._error(line, f"has {len(row)} fields, the first line has {len(columns)}")
            name, label = (row[columns.index(column)] for column in _COLUMNS)
            if not name or not label or "\0" in name:
                raise self._error(line, "filepath or label is empty or no possible name")
            known, known_line = labels.setdefault(name, (label, line))
            if known != label:
                raise self._error(
                    line,
                    f"{show_path(name)} is '{show_path(label)}' here, but '{show_path(known)}' in "
                    f"line {known_line}. One file has one label",
                )
            names.append(name)
        if not names:
            raise self._error(1, "no images are listed. Expected is one line per image")
        root = str(Path(self.path).parent)
        return Files(root, tuple(names), tuple(labels[name][0] for name in names))

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Each record with the number of its first line."""
        with opened(self.path) as (file, size):
            text = file.read(size).decode("utf-8-sig", "surrogateescape")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        line = 1
        try:
            for row in reader:
                yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise self._error(line, f"is not CSV: {error}") from None

    def _columns(self, line: int, header: list[str]) -> list[str]:
        for column in _COLUMNS:
            if header.count(column) != 1:
                raise self._error(
                    line,
                    f"the columns are {', '.join(map(show_path, header)) or 'missing'}. "
                    "The first line must be filepath,label",
                )
        return header

    def _error(self, line: int, problem: str) -> DataError:
        return DataError(f"{show_path(self.path)}:{line}: {problem}.")
