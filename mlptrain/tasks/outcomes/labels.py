"""Multi-label classification: each example has any number of labels."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.figures import Figure, Histogram
from mlptrain.tasks.outcomes.decisions import Column, DecisionOutcome
from mlptrain.tasks.outcomes.outcome import Kept
from mlptrain.text import show_name

THRESHOLD = 0.5

_MOST_DRAWN = 12  # labels
_BINS = 20


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

    def figures(self) -> tuple[Figure, ...]:
        """The probabilities of each label, or of the most frequent ones, where it is true and where
        it is not."""
        drawn = np.argsort(-self.support, kind="stable")[:_MOST_DRAWN] if self.keeps_scores else ()
        return tuple(self._scores_of(int(index)) for index in sorted(drawn))

    def _scores_of(self, index: int) -> Histogram:
        truth, scores = self.column(index)
        edges = np.linspace(0, 1, _BINS + 1)
        groups = tuple(
            (name, np.histogram(scores[chosen], edges)[0])
            for name, chosen in (("has the label", truth), ("does not have it", ~truth))
        )
        title = f"Probabilities of {show_name(self.names[index])}"
        return Histogram(title, "predicted probability", edges, groups, THRESHOLD)
