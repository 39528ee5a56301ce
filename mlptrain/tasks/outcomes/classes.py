"""Classification: each example is of one class."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.figures import Calibration, Confusion, Figure
from mlptrain.tasks.outcomes.decisions import Column, ConfusionOutcome
from mlptrain.tasks.outcomes.outcome import Kept

BINS = 15  # of the confidences, as in the paper on the expected calibration error


class ClassOutcome(ConfusionOutcome):
    """Predictions of one class per example: the confusion matrix and, with `keep_scores`, the
    probabilities.

    `add` takes probabilities (m, classes) and class indices (m,). The most probable class is
    predicted; ties go to the first."""

    task: ClassVar[str] = "classification"
    part: ClassVar[str] = "class"

    def __init__(self, class_names: Sequence[str], *, keep_scores: bool = False) -> None:
        super().__init__(class_names, keep_scores=keep_scores)
        self.confusion = np.zeros((len(self.names), len(self.names)), np.int64)
        self._kept = Kept()

    def _count(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None:
        np.add.at(self.confusion, (targets, outputs.argmax(axis=1)), 1)
        if self.keeps_scores:
            self._kept.add(outputs, targets)

    @property
    def scores(self) -> NDArray[Any]:
        """(n, classes) the probabilities."""
        return self._kept.joined()[0]

    @property
    def labels(self) -> NDArray[Any]:
        """(n,) the true classes."""
        return self._kept.joined()[1]

    def column(self, index: int) -> Column:
        return self.labels == index, self.scores[:, index]

    @property
    def accuracy(self) -> float:
        """Share of examples whose predicted class is the true one."""
        return self.correct / self.examples

    def calibration(self) -> Calibration:
        """The confidences in BINS bins; bin m holds those in ((m - 1) / BINS, m / BINS]."""
        predicted = self.scores.argmax(axis=1)
        confidence = self.scores.max(axis=1).astype(np.float64)
        bins = np.searchsorted(np.arange(1, BINS) / BINS, confidence)
        right = predicted == self.labels
        return Calibration(
            np.bincount(bins, minlength=BINS),
            np.asarray(np.bincount(bins, confidence, BINS), np.float64),
            np.asarray(np.bincount(bins, right, BINS), np.float64),
        )

    def figures(self) -> tuple[Figure, ...]:
        confusion = Confusion(self.names, self.confusion, "examples")
        return (confusion, self.calibration()) if self.keeps_scores else (confusion,)

    def interval(self, metric: str) -> tuple[float, float] | None:
        return wilson_interval(self.correct, self.examples) if metric == "accuracy" else None

    def baseline(self, metric: str) -> tuple[str, float] | None:
        """For the accuracy: always the most frequent class."""
        share = int(self.support.max()) / self.examples
        return ("majority class", share) if metric == "accuracy" else None


def wilson_interval(successes: int, trials: int, z: float = 1.959964) -> tuple[float, float]:
    """The score interval of a share (Wilson, 1927), 95 % for the default z. trials ≥ 1."""
    share = successes / trials
    centre = share + z * z / (2 * trials)
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    # exact at 0 and 100 %, where rounding would miss
    low = (centre - half) / scale if successes else 0.0
    high = (centre + half) / scale if successes < trials else 1.0
    return low, high
