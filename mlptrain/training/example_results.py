"""Single examples of an evaluation: what was predicted, what is true, and how far apart they are.

    worst = WorstExamples(20)
    evaluate_model(model, split, data, reading, worst)
    for example in worst.found: ...

An evaluation passes each batch to its visitor. A batch builds results only when asked for them, so
that of 60,000 pictures only those that somebody wants are kept.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array
from mlptrain.data.dataset import Dataset
from mlptrain.tasks.task import Answer, Judged, TargetSpec, Task


@dataclass(frozen=True)
class ExampleResult:
    """The prediction for one example beside its target.

    Attributes:
        index: which example of the data set it is.
        path: where it comes from, as `predict` names it: a file, "file[index]" or "file:line".
        answer: the prediction, as `predict` gives it.
        truth: the target in the same form; its `values` are true of the first of the answer's.
        probabilities: (names,) of each class or label, if the task predicts probabilities.
        error: how wrong it is; 0 is best, see `Task.judge`.
        is_wrong: whether the prediction is wrong; None if the task has no right and wrong.
    """

    index: int
    path: str
    answer: Answer
    truth: Answer
    probabilities: NDArray[Any] | None
    error: float
    is_wrong: bool | None


@dataclass(frozen=True)
class ExampleBatch:
    """The predictions for m examples compared with their targets; the next batch overwrites them.

    Attributes:
        dataset: the data set that they belong to.
        place: the slice of it that this batch covers.
        predictions, targets: (m, …), as an outcome takes them.
    """

    task: Task
    spec: TargetSpec
    dataset: Dataset
    place: slice
    predictions: Array
    targets: Array

    @cached_property
    def judged(self) -> Judged:
        """How wrong each prediction is."""
        return self.task.judge(self.predictions, self.targets, self.spec)

    def results(self, rows: NDArray[np.int64] | None = None) -> list[ExampleResult]:
        """The results for the `rows` (k,) of this batch, in that order, or for all of them."""
        if rows is None:
            rows = np.arange(len(self.predictions))
        task, spec, judged, dataset = self.task, self.spec, self.judged, self.dataset
        indices = rows + self.place.start
        inputs = dataset.inputs[dataset.rows[indices]]
        predictions = self.predictions[rows]
        answers = task.answers(predictions, inputs, spec, 1)
        truths = task.truths(self.targets[rows], inputs, spec)
        return [
            ExampleResult(
                int(index),
                dataset.path(int(index)),
                answer,
                truth,
                values if task.gives_probabilities else None,
                float(judged.errors[row]),
                None if judged.wrong is None else bool(judged.wrong[row]),
            )
            for row, index, answer, truth, values in zip(
                rows, indices, answers, truths, predictions, strict=True
            )
        ]


Visitor = Callable[[ExampleBatch], None]


class WorstExamples:
    """A visitor that keeps the `count` examples with the largest errors.

    Attributes:
        found: their results, the worst first; of equal errors, the first example first."""

    def __init__(self, count: int) -> None:
        self._count = count
        self.found: list[ExampleResult] = []

    def __call__(self, batch: ExampleBatch) -> None:
        """Look through a batch; a result is built only for what is among the worst so far."""
        errors = batch.judged.errors
        worst = np.argsort(-errors, kind="stable")[: self._count]
        if len(self.found) == self._count > 0:
            worst = worst[errors[worst] > self.found[-1].error]
        both = [*self.found, *batch.results(worst)] if len(worst) else self.found
        self.found = sorted(both, key=lambda each: -each.error)[: self._count]


class JudgedExamples:
    """A visitor that notes how wrong every example is, for `result`, and calls the `others`."""

    def __init__(self, others: Sequence[Visitor]) -> None:
        self._others = others
        self._batches: list[Judged] = []

    def __call__(self, batch: ExampleBatch) -> None:
        """Note one batch."""
        self._batches.append(batch.judged)
        for visit in self._others:
            visit(batch)

    def result(self) -> Judged:
        """How wrong each of the n examples is."""
        errors, wrong = zip(*self._batches, strict=True)
        has_wrong = wrong[0] is not None
        return Judged(np.concatenate(errors), np.concatenate(wrong) if has_wrong else None)
