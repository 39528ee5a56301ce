"""Any number of labels per example."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.data.names import distinct, refuse_misspelt
from mlptrain.data.read_dataset import TargetReader
from mlptrain.data.sources.source import Arrays, Content
from mlptrain.data.targets import SEPARATOR, LabelTargets
from mlptrain.errors import DataError
from mlptrain.functions.activations import Sigmoid
from mlptrain.nn.model import Head
from mlptrain.tasks.outcomes.labels import THRESHOLD, LabelOutcome
from mlptrain.tasks.task import Answer, Array, Judged, OutcomeKind, TargetSpec, Task, tasks
from mlptrain.text import exact, show_name, show_path

_LEAST = 1e-7  # probability: an error grows with it only below the next whole number


@dataclass(frozen=True)
class LabelSets(TargetReader):
    """Reads sets of labels: `a|b` in a table, or rows of 0 and 1 in an array whose columns
    `label_names` names. `known`: the labels of the training set; None if this is it."""

    columns: tuple[str, ...]
    known: tuple[str, ...] | None
    label_names: tuple[str, ...] | None
    may_be_empty: ClassVar[bool] = True

    def read(self, content: Content, rows: NDArray[np.int64], place: str) -> LabelTargets:
        if isinstance(content, Arrays) and not isinstance(content.labels, tuple):
            values, names = self._of_array(content.labels, place)
        else:
            values, names = self._of_texts(content, place)
        if len(names) < 1:
            raise DataError(f"{show_path(place)}: no example has a label. Add some.")
        if self.known is not None and names != self.known:
            raise DataError(
                f"{show_path(place)}: its labels {', '.join(map(show_name, names))} are not those "
                f"of the training set: {', '.join(map(show_name, self.known))}."
            )
        return LabelTargets(values[rows].astype(np.float32), names)

    def _of_array(
        self, values: NDArray[np.float64], place: str
    ) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        if values.ndim != 2 or not np.isin(values, (0, 1)).all():
            raise DataError(
                f"{show_path(place)}: its labels have shape {values.shape}. Allowed is "
                "(n, labels), 1 for each label that an example has, else 0."
            )
        names = self.label_names or self.known or tuple(map(str, range(values.shape[1])))
        if len(names) != values.shape[1]:
            raise DataError(
                f"{show_path(place)}: has {values.shape[1]} labels per example, but there are "
                f"{len(names)} names. Correct data.class_names."
            )
        return values, names

    def _of_texts(
        self, content: Content, place: str
    ) -> tuple[NDArray[np.float64], tuple[str, ...]]:
        sets = [[part for part in str(text).split(SEPARATOR) if part] for text in content.labels]
        found = {name for labels in sets for name in labels}
        names = self.known
        try:
            if names is None:
                distinct(tuple(sorted(found)))
                names = tuple(sorted(found, key=lambda n: n.encode("utf-8", "surrogateescape")))
            else:
                refuse_misspelt(found, names)
        except ValueError as error:
            raise DataError(f"{show_path(place)}: {error}.") from None
        unknown = sorted(found - set(names))
        if unknown:
            raise DataError(
                f"{show_path(place)}: the label '{show_name(unknown[0])}' is unknown to the "
                f"training set: {', '.join(map(show_name, names))}."
            )
        index = {name: i for i, name in enumerate(names)}
        values = np.zeros((len(sets), len(names)))
        for row, labels in zip(values, sets, strict=True):
            row[[index[name] for name in labels]] = 1
        return values, names


@tasks.register
class MultiLabel(Task):
    """Find all labels of an example: one probability per label; labels above 0.5 are
    predicted."""

    type: Literal["multi_label"] = "multi_label"
    column: Annotated[str, Field(description="column of the labels in a table, as in a|b")] = (
        "labels"
    )
    loss: ClassVar[str] = "binary_cross_entropy"
    headline: ClassVar[str] = "macro_f1"
    noun: ClassVar[str] = "label"
    kind: ClassVar[OutcomeKind] = LabelOutcome
    gives_probabilities: ClassVar[bool] = True

    def reader(
        self,
        class_names: tuple[str, ...] | None,
        known: TargetSpec | None = None,
        *,
        partial: bool = False,
        of_counts: bool = False,
    ) -> LabelSets:
        return LabelSets((self.column,), known.names if known else None, class_names)

    def head(self, shape: tuple[int, ...], names: Sequence[str]) -> Head:
        return Head(len(names), Sigmoid(), by_index=False)

    def outcome(self, spec: TargetSpec, *, keep_scores: bool) -> LabelOutcome:
        return LabelOutcome(spec.names, keep_scores=keep_scores)

    def fields(self, spec: TargetSpec, ranks: int) -> tuple[str, ...]:
        return ("labels", *spec.names)

    def answers(
        self, predictions: Array, inputs: Array, spec: TargetSpec, ranks: int
    ) -> Sequence[Answer]:
        return [self._answer(row, spec) for row in predictions.tolist()]

    def target_fields(self, spec: TargetSpec) -> tuple[str, ...]:
        return self.fields(spec, 1)[:1]

    def truths(self, targets: Array, inputs: Array, spec: TargetSpec) -> Sequence[Answer]:
        sets = [
            [name for name, has in zip(spec.names, row, strict=True) if has]
            for row in targets.tolist()
        ]
        return [
            Answer(
                tuple(names) or ("-",), (SEPARATOR.join(names),), {"labels": [*map(exact, names)]}
            )
            for names in sets
        ]

    def judge(self, predictions: Array, targets: Array, spec: TargetSpec) -> Judged:
        """How many labels are wrong, plus 1 - the geometric mean of the probabilities of what is
        true. Wrong: any label is."""
        truth = targets > THRESHOLD
        count = np.count_nonzero((predictions > THRESHOLD) != truth, axis=1)
        of_truth = np.where(truth, predictions, 1 - predictions).clip(_LEAST, 1)
        mean = np.exp(np.log(of_truth, dtype=np.float64).mean(axis=1))
        return Judged(count + 1 - mean, count > 0)

    def _answer(self, row: list[float], spec: TargetSpec) -> Answer:
        having = [(n, p) for n, p in zip(spec.names, row, strict=True) if p > THRESHOLD]
        cells = tuple(cell for name, p in having for cell in (name, f"{p:.3f}")) or ("-",)
        probabilities = {exact(name): p for name, p in zip(spec.names, row, strict=True)}
        names = [name for name, _ in having]
        record = {"labels": [exact(name) for name in names], "probabilities": probabilities}
        return Answer(cells, (SEPARATOR.join(names), *row), record)
