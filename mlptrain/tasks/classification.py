"""One class per example."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from mlptrain.data.sources.source import LABEL
from mlptrain.functions.activations import Softmax
from mlptrain.functions.losses import CountCorrect
from mlptrain.nn.model import Head
from mlptrain.tasks.class_labels import ClassLabels
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.task import Answer, Array, Judged, OutcomeKind, TargetSpec, Task, tasks
from mlptrain.text import exact


@tasks.register
class Classification(Task):
    """Tell classes apart: one probability per class; the most probable class is predicted."""

    type: Literal["classification"] = "classification"
    column: Annotated[str, Field(description="column of the class in a table")] = LABEL
    loss: ClassVar[str] = "cross_entropy"
    headline: ClassVar[str] = "accuracy"
    noun: ClassVar[str] = "class"
    kind: ClassVar[OutcomeKind] = ClassOutcome
    ranks_classes: ClassVar[bool] = True
    gives_probabilities: ClassVar[bool] = True
    train_metrics: ClassVar[tuple[str, ...]] = ("train_loss", "train_accuracy")

    def reader(
        self,
        class_names: tuple[str, ...] | None,
        known: TargetSpec | None = None,
        *,
        partial: bool = False,
        of_counts: bool = False,
    ) -> ClassLabels:
        return ClassLabels(known.names if known else None, class_names, partial, (self.column,))

    def head(self, shape: tuple[int, ...], names: Sequence[str]) -> Head:
        return Head(len(names), Softmax(), score=CountCorrect())

    def outcome(self, spec: TargetSpec, *, keep_scores: bool) -> ClassOutcome:
        return ClassOutcome(spec.names, keep_scores=keep_scores)

    def fields(self, spec: TargetSpec, ranks: int) -> tuple[str, ...]:
        suffixes = ["", *(f"_{rank}" for rank in range(2, min(ranks, len(spec.names)) + 1))]
        return tuple(f"{name}{s}" for s in suffixes for name in ("label", "probability"))

    def answers(
        self, predictions: Array, inputs: Array, spec: TargetSpec, ranks: int
    ) -> Sequence[Answer]:
        order = np.argsort(-predictions, axis=1, kind="stable")[:, :ranks]
        values = np.take_along_axis(predictions, order, axis=1)
        return [
            _ranked([(spec.names[index], p) for index, p in zip(classes, row, strict=True)])
            for classes, row in zip(order.tolist(), values.tolist(), strict=True)
        ]

    def target_fields(self, spec: TargetSpec) -> tuple[str, ...]:
        return self.fields(spec, 1)[:1]

    def truths(self, targets: Array, inputs: Array, spec: TargetSpec) -> Sequence[Answer]:
        names = [spec.names[index] for index in targets.tolist()]
        return [Answer((name,), (name,), {"label": exact(name)}) for name in names]

    def judge(self, predictions: Array, targets: Array, spec: TargetSpec) -> Judged:
        """1 + p for a wrong class of probability p, so the most confident mistake is the worst;
        1 - p for the right class."""
        wrong = predictions.argmax(axis=1) != targets
        confidence = predictions.max(axis=1).astype(np.float64)
        return Judged(np.where(wrong, 1 + confidence, 1 - confidence), wrong)


def _ranked(top: Sequence[tuple[str, float]]) -> Answer:
    best = [{"label": exact(name), "probability": p} for name, p in top]
    record: dict[str, Any] = {**best[0], "top": best}
    cells = tuple(cell for name, p in top for cell in (name, f"{p:.3f}"))
    return Answer(cells, tuple(value for pair in top for value in pair), record)
