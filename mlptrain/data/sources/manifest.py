"""A CSV manifest: a table of image files and their labels."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.data.sources.source import LABEL, Files, Label, LocatedPath, Source, sources
from mlptrain.data.sources.table_file import TableFile, in_line
from mlptrain.text import show_name

FILE = "filepath"


@sources.register
class Manifest(Source):
    """A CSV file (RFC 4180, UTF-8) whose first line names the columns: `filepath`, relative to the
    file, and those of the task's targets, `label` for the class name; others are ignored."""

    type: Literal["csv"] = "csv"
    described: ClassVar[str] = "a .csv with the columns filepath,label"
    suffixes: ClassVar[tuple[str, ...]] = (".csv",)
    path: Annotated[LocatedPath, Field(description="CSV file with the columns filepath,label")]

    @property
    def place(self) -> str:
        return self.path

    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Files:
        known: dict[str, tuple[Label, int]] = {}
        names, labels, lines, weights = [], [], [], []
        wanted = (FILE, *columns, *filter(None, [weight]))
        for line, (name, *values) in TableFile(self.path, wanted).records(wanted):
            label: Label = values[0] if len(columns) == 1 else tuple(values[: len(columns)])
            if not name or "\0" in name:
                raise in_line(self.path, line, f"{FILE} is empty or no possible name")
            first, first_line = known.setdefault(name, (label, line))
            if first != label:
                raise in_line(
                    self.path,
                    line,
                    f"{show_name(name)} is {_quoted(label)} here, but {_quoted(first)} in line "
                    f"{first_line}. One file has one label",
                )
            names.append(name)
            labels.append(label)
            lines.append(line)
            weights += values[len(columns) :]
        if not names:
            raise in_line(self.path, 1, "no images are listed. Expected one line per image")
        root = str(Path(self.path).parent)
        return Files(
            root,
            tuple(names),
            tuple(labels),
            tuple(lines),
            weights=tuple(weights) if weight else None,
        )


def _quoted(label: Label) -> str:
    return f"'{show_name(label)}'" if isinstance(label, str) else ", ".join(map(_quoted, label))
