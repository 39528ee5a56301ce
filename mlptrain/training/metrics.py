"""How well predictions agree with labels."""

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Evaluation:
    """The outcome of predicting a whole split.

    Attributes:
        class_names: the classes, in the order of the matrix.
        confusion: (classes, classes) counts; row: the true class, column: the predicted one.
        loss: mean loss per example.
    """

    class_names: tuple[str, ...]
    confusion: NDArray[np.int64]
    loss: float

    @cached_property
    def examples(self) -> int:
        """How many examples there are."""
        return int(self.confusion.sum())

    @cached_property
    def correct(self) -> int:
        """How many of them are predicted right."""
        return int(np.trace(self.confusion))

    @cached_property
    def accuracy(self) -> float:
        """Share of examples whose predicted class is the true one."""
        return self.correct / self.examples

    @cached_property
    def accuracy_interval(self) -> tuple[float, float]:
        """The 95 % interval of the accuracy."""
        return wilson_interval(self.correct, self.examples)

    @cached_property
    def majority_baseline(self) -> float:
        """The accuracy of always naming the most frequent class."""
        return int(self.support.max()) / self.examples

    @cached_property
    def support(self) -> NDArray[np.int64]:
        """(classes,) how many examples of each class there are."""
        return np.asarray(self.confusion.sum(axis=1))

    @cached_property
    def precision(self) -> NDArray[np.float64]:
        """(classes,) of those predicted as the class, the share that is; 0 if none was."""
        return _ratio(np.diagonal(self.confusion), self.confusion.sum(axis=0))

    @cached_property
    def recall(self) -> NDArray[np.float64]:
        """(classes,) of those of the class, the share predicted as it; 0 if there are none."""
        return _ratio(np.diagonal(self.confusion), self.support)

    @cached_property
    def f1(self) -> NDArray[np.float64]:
        """(classes,) 2 correct / (predicted + support): the harmonic mean of precision and
        recall."""
        total = self.confusion.sum(axis=0) + self.support
        return _ratio(2 * np.diagonal(self.confusion), total)

    @cached_property
    def missing_classes(self) -> tuple[str, ...]:
        """The classes without an example."""
        return tuple(self.class_names[index] for index in np.flatnonzero(self.support == 0))

    @cached_property
    def means(self) -> tuple[float, float, float]:
        """Precision, recall and F1, averaged over the classes that have examples."""
        columns = (self.precision, self.recall, self.f1)
        precision, recall, f1 = (float(each[self.support > 0].mean()) for each in columns)
        return precision, recall, f1

    def summary(self) -> dict[str, float]:
        """The single numbers, by the names that `eval --min` knows."""
        names = ("macro_precision", "macro_recall", "macro_f1")
        means = dict(zip(names, self.means, strict=True))
        return {"accuracy": self.accuracy, "loss": self.loss, **means}


def wilson_interval(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a share (Wilson, 1927), 95 % for the default z. trials ≥ 1."""
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # exact for none and all, where rounding would miss 0 and 1
    low = (centre - half) / scale if successes else 0.0
    high = (centre + half) / scale if successes < trials else 1.0
    return low, high


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return part / np.maximum(whole, 1)
