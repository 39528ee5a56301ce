"""One or several numbers per example."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from mlptrain.data.names import distinct
from mlptrain.data.normalization import deviations
from mlptrain.data.read_dataset import TargetReader
from mlptrain.data.sources.source import LARGEST, Content
from mlptrain.data.sources.table_file import number_in
from mlptrain.data.targets import NumberTargets, Targets
from mlptrain.errors import DataError
from mlptrain.functions.activations import Identity
from mlptrain.nn.model import Head
from mlptrain.tasks.outcomes.numbers import NumberOutcome
from mlptrain.tasks.task import Answer, Array, Judged, OutcomeKind, TargetSpec, Task, tasks
from mlptrain.text import exact, show_name, show_path

TARGET = "target"


@dataclass(frozen=True)
class Numbers(TargetReader):
    """Reads numbers from the `columns` of a table or from an array (n,) or (n, k). Their mean and
    standard deviation are taken from `known`, the training set; None: computed from these. Counts,
    which must be at least 0, get mean 0 and deviation 1."""

    columns: tuple[str, ...]
    known: TargetSpec | None
    of_counts: bool

    def read(self, content: Content, rows: NDArray[np.int64], place: str) -> NumberTargets:
        values = self._values(content, place)
        if self.of_counts:
            self._refuse_negative(values, content, place)
        values, names = values[rows], self.columns
        if values.shape[1] != len(names):
            if names != (TARGET,):
                raise DataError(
                    f"{show_path(place)}: has {values.shape[1]} numbers per example, but "
                    f"task.targets names {len(names)}. Name each of them."
                )
            names = tuple(f"{TARGET}_{i}" for i in range(1, values.shape[1] + 1))
        if self.known is not None:
            if names != self.known.names:
                raise DataError(
                    f"{show_path(place)}: has the targets {', '.join(map(show_name, names))}; the "
                    f"training set has {', '.join(map(show_name, self.known.names))}."
                )
            return NumberTargets(values, names, np.array(self.known.mean), np.array(self.known.std))
        if self.of_counts:
            width = values.shape[1]
            return NumberTargets(values, names, np.zeros(width), np.ones(width))
        return NumberTargets(values, names, values.mean(axis=0), deviations(values))

    def _refuse_negative(self, values: NDArray[np.float64], content: Content, place: str) -> None:
        for index, column in np.argwhere(values < 0)[:1].tolist():
            line = f":{content.lines[index]}" if content.lines else f"[{index}]"
            name = self.columns[min(column, len(self.columns) - 1)]
            raise DataError(
                f"{show_path(place)}{line}: {show_name(name)} is {values[index, column]:g}. "
                "training.loss is one for counts and rates: numbers from 0 up. Correct the value, "
                "or choose another loss."
            )

    def _values(self, content: Content, place: str) -> NDArray[np.float64]:
        labels = content.labels
        if not isinstance(labels, tuple):
            return labels.reshape(len(labels), math.prod(labels.shape[1:])).astype(np.float64)
        values = np.empty((len(labels), len(self.columns)))
        for index, label in enumerate(labels):
            texts = label if isinstance(label, tuple) else (label,)
            for column, text in enumerate(texts):
                values[index, column] = number = number_in(text)
                if not abs(number) <= LARGEST:
                    line = f":{content.lines[index]}" if content.lines else ""
                    raise DataError(
                        f"{show_path(place)}{line}: {show_name(self.columns[column])} is "
                        f"'{show_name(text)}'. Allowed are numbers up to {LARGEST:g}."
                    )
        return values


@tasks.register
class Regression(Task):
    """Predict numbers. The network learns them standardized with the training set's mean and
    standard deviation; metrics and predictions are in the original units."""

    type: Literal["regression"] = "regression"
    targets: Annotated[
        tuple[str, ...],
        AfterValidator(distinct),
        Field(strict=False, min_length=1, description="columns of the numbers in a table"),
    ] = (TARGET,)
    loss: ClassVar[str] = "mean_squared_error"
    headline: ClassVar[str] = "r2"
    noun: ClassVar[str] = "number"
    kind: ClassVar[OutcomeKind] = NumberOutcome
    error_name: ClassVar[str] = "standard_deviations"

    def reader(
        self,
        class_names: tuple[str, ...] | None,
        known: TargetSpec | None = None,
        *,
        partial: bool = False,
        of_counts: bool = False,
    ) -> Numbers:
        return Numbers(self.targets, known, of_counts)

    def spec(self, targets: Targets) -> TargetSpec:
        assert isinstance(targets, NumberTargets)
        mean, std = targets.mean.tolist(), targets.std.tolist()
        return TargetSpec(names=targets.names, mean=tuple(mean), std=tuple(std))

    def head(self, shape: tuple[int, ...], names: Sequence[str]) -> Head:
        return Head(len(names), Identity(), by_index=False)

    def fits(self, spec: TargetSpec, *, images: bool) -> bool:
        return len(spec.names) == len(spec.mean) == len(spec.std) > 0

    def outcome(self, spec: TargetSpec, *, keep_scores: bool) -> NumberOutcome:
        return NumberOutcome(spec.names)

    def predictions(self, outputs: Array, spec: TargetSpec) -> Array:
        return np.asarray(outputs * np.array(spec.std) + np.array(spec.mean))

    def fields(self, spec: TargetSpec, ranks: int) -> tuple[str, ...]:
        return spec.names

    def answers(
        self, predictions: Array, inputs: Array, spec: TargetSpec, ranks: int
    ) -> Sequence[Answer]:
        return [self._answer(row, spec) for row in predictions.tolist()]

    def truths(self, targets: Array, inputs: Array, spec: TargetSpec) -> Sequence[Answer]:
        return [self._answer(row, spec) for row in targets.tolist()]

    def judge(self, predictions: Array, targets: Array, spec: TargetSpec) -> Judged:
        """The largest |prediction - target| of an example, in standard deviations of the training
        targets."""
        distance = np.abs(np.subtract(predictions, targets, dtype=np.float64))
        return Judged((distance / np.array(spec.std)).max(axis=1), None)

    def _answer(self, row: list[float], spec: TargetSpec) -> Answer:
        named = zip(spec.names, row, strict=True)
        cells = tuple(cell for name, value in named for cell in (name, f"{value:.6g}"))
        record = {exact(name): value for name, value in zip(spec.names, row, strict=True)}
        return Answer(cells, tuple(row), {"numbers": record})
