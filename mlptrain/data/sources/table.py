"""A CSV table of numbers: a row per example, its features and its target in columns."""

from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from mlptrain.data.sources.source import LABEL, LARGEST, Arrays, Label, LocatedPath, Source, sources
from mlptrain.data.sources.table_file import TableFile, in_line, number_in
from mlptrain.errors import DataError
from mlptrain.text import show_name, show_path


@sources.register
class Table(Source):
    """A CSV file (RFC 4180, UTF-8) of numbers, a row per example. Its first line names the columns;
    those that are neither the target nor the weight are the features, unless they are listed."""

    type: Literal["table"] = "table"
    described: ClassVar[str] = "{type: table, path: a .csv of numbers}"
    path: Annotated[LocatedPath, Field(description="CSV file of numbers")]
    features: Annotated[
        Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None,
        Field(description="columns that are inputs; null: all but the target and the weight"),
    ] = None

    @property
    def place(self) -> str:
        return self.path

    def with_features(self, features: tuple[str, ...]) -> Self:
        if features and (self.features is None or set(self.features) == set(features)):
            return self.model_copy(update={"features": features})
        return self

    def content(self, columns: tuple[str, ...] = (LABEL,), weight: str | None = None) -> Arrays:
        others = (*columns, *filter(None, [weight]))
        file = TableFile(self.path, (*self.features, *others) if self.features else ())
        features = self.features or tuple(name for name in file.header if name not in others)
        if not features:
            raise DataError(f"{show_path(self.path)}: has no column of features beside the target.")
        lines, rows = [], []
        labels: list[Label] = []
        weights: list[str] = []
        for line, values in file.records((*features, *others)):
            rows.append([self._number(line, *pair) for pair in zip(features, values, strict=False)])
            target = values[len(features) : len(features) + len(columns)]
            labels.append(target[0] if len(columns) == 1 else tuple(target))
            weights += values[len(features) + len(columns) :]
            lines.append(line)
        if not rows:
            raise in_line(self.path, 1, "no examples are listed. Expected one line per example")
        path = Path(self.path)
        return Arrays(
            str(path.parent),
            path.name,
            np.array(rows),
            tuple(labels),
            features=features,
            lines=tuple(lines),
            weights=tuple(weights) if weight else None,
        )

    def _number(self, line: int, column: str, text: str) -> float:
        """`text` as a number. Raises DataError if it is not a finite number."""
        number = number_in(text)
        if not abs(number) <= LARGEST:
            what = f"is '{show_name(text)}'" if text else "is missing"
            raise in_line(
                self.path,
                line,
                f"{show_name(column)} {what}. Features are numbers up to {LARGEST:g}: fill in or "
                "leave out such rows, or list the columns to use as features",
            )
        return number
