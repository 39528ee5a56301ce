"""Metrics of the probabilities: how well they rank, and how well they are calibrated."""

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


@metrics.register
class TopKAccuracy(Metric):
    """The share of examples whose class is among the k most probable; ties go to the class listed
    first, as in `predict`. 1 if there are at most k classes. The name contains k:
    top_3_accuracy."""

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
    """The area under a curve of the class scores. For two classes, the value is that of the second
    one, as in scikit-learn; for more classes, and for labels, it is the macro mean."""

    applies_to: ClassVar[Kinds] = (ClassOutcome, LabelOutcome)
    needs_scores: ClassVar[bool] = True

    def value(self, outcome: DecisionOutcome) -> float:
        if isinstance(outcome, ClassOutcome) and len(outcome.names) == 2:
            return float(self.per_class(outcome)[1])
        return self.mean("macro", outcome)


@metrics.register
class RocAuc(AreaMetric):
    """The area under the ROC curve, one class against the rest: the probability that an example of
    the class scores higher than one of another class, ties counting half (Hanley & McNeil, 1982).
    NaN unless there are examples of both."""

    type: Literal["roc_auc"] = "roc_auc"
    in_summary: ClassVar[bool] = True

    def per_class(self, outcome: Decisions) -> Values:
        return outcome.areas[0]


@metrics.register
class AveragePrecision(AreaMetric):
    """Σ (Rᵢ - Rᵢ₋₁) Pᵢ over the distinct scores as thresholds, highest first, with recall R and
    precision P: the area under the precision-recall curve, not interpolated. NaN without examples
    of the class."""

    type: Literal["average_precision"] = "average_precision"

    def per_class(self, outcome: Decisions) -> Values:
        return outcome.areas[1]


@metrics.register
class LogLoss(Metric):
    """-mean ln p, where p is the probability of the true class, clipped to [ε, 1 - ε]; ε is the
    machine epsilon of the outputs' dtype, as in scikit-learn. This is the cross-entropy without
    smoothing or weights."""

    type: Literal["log_loss"] = "log_loss"
    in_summary: ClassVar[bool] = True
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
    """mean Σⱼ (pⱼ - tⱼ)² over all classes j, where t is 1 for the true class, else 0 (Brier, 1950);
    from 0 to 2. For two classes, half of that: mean (p - t)² of the second class, from 0 to 1, as
    scikit-learn's brier_score_loss by default."""

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
    """Σ over 15 bins of (share of examples) · |accuracy - mean confidence|. The confidence is the
    probability of the predicted class; bin m holds the confidences in ((m - 1) / 15, m / 15] (Guo
    et al., 2017)."""

    type: Literal["expected_calibration_error"] = "expected_calibration_error"
    in_summary: ClassVar[bool] = True
    applies_to: ClassVar[Kinds] = (ClassOutcome,)
    needs_scores: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False

    def value(self, outcome: ClassOutcome) -> float:
        found = outcome.calibration()
        return float(np.abs(found.hits - found.confidences).sum()) / outcome.examples
