"""Multi-label classification: each example has any number of labels."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.outcomes.decisions import Column, DecisionOutcome
from mlptrain.tasks.outcomes.outcome import Kept

THRESHOLD = 0.5


class LabelOutcome(DecisionOutcome):
    """Predictions of any number of labels per example: counts per label and, with `keep_scores`,
    the probabilities.

    `add` takes probabilities (m, labels) and targets (m, labels) of 0 and 1. A label is predicted
    where its probability is above 0.5.

    Attributes:
        exact: how many examples have every label right.
        wrong: how many decisions for or against a label are wrong.
    """

    task: ClassVar[str] = "multi_label"
    part: ClassVar[str] = "label"

    def __init__(self, label_names: Sequence[str], *, keep_scores: bool = False) -> None:
        super().__init__(label_names, keep_scores=keep_scores)
        self.hits, self.predicted, self.support = np.zeros((3, len(self.names)), np.int64)
        self.exact = self.wrong = self.total = 0
        self._kept = Kept()

    def _count(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None:
        predicted, truth = outputs > THRESHOLD, targets > THRESHOLD
        wrong = np.count_nonzero(predicted != truth, axis=1)
        self.hits += np.count_nonzero(predicted & truth, axis=0)
        self.predicted += np.count_nonzero(predicted, axis=0)
        self.support += np.count_nonzero(truth, axis=0)
        self.exact += int(np.count_nonzero(wrong == 0))
        self.wrong += int(wrong.sum())
        self.total += len(outputs)
        if self.keeps_scores:
            self._kept.add(outputs, truth)

    def column(self, index: int) -> Column:
        scores, truth = self._kept.joined()
        return truth[:, index], scores[:, index]
