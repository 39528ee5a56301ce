"""Metrics of the probabilities: how well they rank the classes, and how far they can be trusted."""

import re
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.tasks.metrics.metric import ClassMetric, Kinds, Metric, metrics
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.outcomes.decisions import DecisionOutcome, Decisions
from mlptrain.tasks.outcomes.labels import LabelOutcome

Values = NDArray[np.float64]
BINS = 15  # of the expected calibration error, as in its paper


@metrics.register
class TopKAccuracy(Metric):
    """The share of examples whose class is among the k most probable; of equal probabilities, the
    class that is listed first comes first, as in `predict`. 1 if there are no more than k classes.
    Its name holds k: top_3_accuracy."""

    type: Literal["top_k_accuracy"] = "top_k_accuracy"
    k: Annotated[int, Field(ge=1, description="how many of the most probable classes count")] = 5
    applies_to: ClassVar[Kinds] = (ClassOutcome,)
    needs_scores: ClassVar[bool] = True

    @classmethod
    def named(cls, name: str) -> Self | None:
        found = re.fullmatch(r"top_([1-9][0-9]{0,8})_accuracy", name)
        return cls(k=int(found[1])) if found else None

    @property
    def name(self) -> str:
        return f"top_{self.k}_accuracy"

    def value(self, outcome: ClassOutcome) -> float:
        scores, labels = outcome.scores, outcome.labels[:, None]
        own = np.take_along_axis(scores, labels, axis=1)
        equals_before = (scores == own) & (np.arange(scores.shape[1]) < labels)
        place = np.count_nonzero((scores > own) | equals_before, axis=1)
        return float(np.mean(place < self.k))


class AreaMetric(ClassMetric):
    """An area under a curve that the classes' scores draw. The value of two classes is that of the
    second one, as in scikit-learn; of more classes, and of labels, the macro mean."""

    applies_to: ClassVar[Kinds] = (ClassOutcome, LabelOutcome)
    needs_scores: ClassVar[bool] = True

    def value(self, outcome: DecisionOutcome) -> float:
        if isinstance(outcome, ClassOutcome) and len(outcome.names) == 2:
            return float(self.per_class(outcome)[1])
        return self.mean("macro", outcome)


@metrics.register
class RocAuc(AreaMetric):
    """The area under the ROC curve: the probability that an example of the class gets a higher
    score for it than one of another class, equal scores counting half (Hanley & McNeil, 1982); one
    class against the rest. NaN where there are only examples of the class, or none."""

    type: Literal["roc_auc"] = "roc_auc"

    def per_class(self, outcome: Decisions) -> Values:
        return outcome.areas[0]


@metrics.register
class AveragePrecision(AreaMetric):
    """Σ (Rᵢ - Rᵢ₋₁) Pᵢ over the distinct scores as thresholds, from the highest, with recall R and
    precision P: the area under the precision-recall curve, not interpolated. NaN where there are no
    examples of the class."""

    type: Literal["average_precision"] = "average_precision"

    def per_class(self, outcome: Decisions) -> Values:
        return outcome.areas[1]


@metrics.register
class LogLoss(Metric):
    """-mean log p with the probability p of the true class, which is kept from ε to 1 - ε, ε being
    the machine epsilon of the outputs' dtype, as in scikit-learn. The natural logarithm; the
    cross-entropy without smoothing or weights."""

    type: Literal["log_loss"] = "log_loss"
    applies_to: ClassVar[Kinds] = (ClassOutcome,)
    needs_scores: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, np.inf)

    def value(self, outcome: ClassOutcome) -> float:
        scores, labels = outcome.scores, outcome.labels[:, None]
        epsilon = np.finfo(scores.dtype).eps
        own = np.take_along_axis(scores, labels, axis=1).astype(np.float64)
        return -float(np.log(np.clip(own, epsilon, 1 - epsilon)).mean())


@metrics.register
class Brier(Metric):
    """mean Σⱼ (pⱼ - tⱼ)² over all classes j, t being 1 for the true class and else 0 (Brier, 1950),
    from 0 to 2. Of two classes half of that, mean (p - t)² of the second one, from 0 to 1: what
    scikit-learn's brier_score_loss gives by default."""

    type: Literal["brier"] = "brier"
    applies_to: ClassVar[Kinds] = (ClassOutcome,)
    needs_scores: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (0.0, 2.0)

    def value(self, outcome: ClassOutcome) -> float:
        classes = outcome.scores.shape[1]
        errors = outcome.scores.astype(np.float64)
        errors[np.arange(len(errors)), outcome.labels] -= 1
        if classes == 2:
            errors = errors[:, 1:]
        return float(np.square(errors).sum()) / len(errors)


@metrics.register
class ExpectedCalibrationError(Metric):
    """Σ over 15 bins of share of examples · |accuracy - mean confidence|, the confidence being the
    probability of the predicted class; bin m of 15 holds those in ((m - 1) / 15, m / 15] (Guo et
    al., 2017)."""

    type: Literal["expected_calibration_error"] = "expected_calibration_error"
    applies_to: ClassVar[Kinds] = (ClassOutcome,)
    needs_scores: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False

    def value(self, outcome: ClassOutcome) -> float:
        predicted = outcome.scores.argmax(axis=1)
        confidence = outcome.scores.max(axis=1).astype(np.float64)
        bins = np.searchsorted(np.arange(1, BINS) / BINS, confidence)
        excess = (predicted == outcome.labels) - confidence
        return float(np.abs(np.bincount(bins, excess)).sum()) / outcome.examples
