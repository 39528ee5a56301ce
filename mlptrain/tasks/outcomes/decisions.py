"""Predictions as yes-or-no decisions, from which precision, recall and the like are computed."""

from abc import abstractmethod
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.tasks.outcomes.ranking import areas_under_curves

Counts = NDArray[np.int64]
Column = tuple[NDArray[np.bool_], NDArray[Any]]


class Decisions:
    """For each class, a decision per example: is it of this class?

    Attributes:
        hits: (classes,) true positives.
        predicted: (classes,) predicted positives, right or wrong.
        support: (classes,) actual positives.
        total: decisions per class.
    """

    hits: Counts
    predicted: Counts
    support: Counts
    total: int

    def column(self, index: int) -> Column:
        """For class `index`: whether each example belongs to it (n,), and the scores (n,)."""
        raise ValueError("no scores were kept")

    @cached_property
    def areas(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The area under the ROC curve and the average precision, (classes,) each."""
        columns = map(self.column, range(len(self.hits)))
        both = np.array([areas_under_curves(*column) for column in columns])
        return both[:, 0], both[:, 1]


class Pooled(Decisions):
    """The decisions of all classes pooled into one class, for micro averages."""

    def __init__(self, decisions: Decisions) -> None:
        self._decisions = decisions
        self.hits = decisions.hits.sum(keepdims=True)
        self.predicted = decisions.predicted.sum(keepdims=True)
        self.support = decisions.support.sum(keepdims=True)
        self.total = decisions.total * len(decisions.hits)

    def column(self, index: int) -> Column:
        columns = map(self._decisions.column, range(len(self._decisions.hits)))
        truth, scores = zip(*columns, strict=True)
        return np.concatenate(truth), np.concatenate(scores)


class DecisionOutcome(Outcome, Decisions):
    """An outcome made of decisions per class. `by_pixel`: whether each pixel is decided on, not
    each example."""

    by_pixel: ClassVar[bool] = False

    @cached_property
    def pooled(self) -> Pooled:
        """The decisions of all classes pooled into one class."""
        return Pooled(self)

    @cached_property
    def missing(self) -> tuple[str, ...]:
        """The names of the classes without examples."""
        return tuple(self.names[index] for index in np.flatnonzero(self.support == 0))


class ConfusionOutcome(DecisionOutcome):
    """One class out of several for each example or pixel.

    Attributes:
        confusion: (classes, classes) counts; row: the true class, column: the predicted one.
    """

    confusion: Counts

    @cached_property
    def total(self) -> int:  # type: ignore[override]
        return int(self.confusion.sum())

    @cached_property
    def correct(self) -> int:
        """How many predictions are right."""
        return int(np.trace(self.confusion))

    @cached_property
    def hits(self) -> Counts:  # type: ignore[override]
        return np.diagonal(self.confusion)

    @cached_property
    def predicted(self) -> Counts:  # type: ignore[override]
        return np.asarray(self.confusion.sum(axis=0))

    @cached_property
    def support(self) -> Counts:  # type: ignore[override]
        return np.asarray(self.confusion.sum(axis=1))

    @abstractmethod
    def _count(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None: ...
