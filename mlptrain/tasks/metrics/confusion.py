"""Metrics that need only the decisions: a confusion matrix, or counts per label.

Values agree with scikit-learn's, including the cases where it warns and returns 0: precision of a
class that is never predicted, and recall, F1 and IoU of a class without examples.
"""

import math
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.metrics.metric import ClassMetric, Kinds, Metric, metrics, ratio
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.outcomes.decisions import Decisions
from mlptrain.tasks.outcomes.labels import LabelOutcome
from mlptrain.tasks.outcomes.masks import MaskOutcome

Values = NDArray[np.float64]
CLASSES: Kinds = (ClassOutcome,)


@metrics.register
class Accuracy(Metric):
    """correct / n: the share of examples whose predicted class is the true one."""

    type: Literal["accuracy"] = "accuracy"
    applies_to: ClassVar[Kinds] = CLASSES

    def value(self, outcome: ClassOutcome) -> float:
        return outcome.accuracy


@metrics.register
class SubsetAccuracy(Metric):
    """The share of examples with every label right, both present and absent ones:
    scikit-learn's accuracy_score for multi-label targets."""

    type: Literal["subset_accuracy"] = "subset_accuracy"
    in_summary: ClassVar[bool] = True
    applies_to: ClassVar[Kinds] = (LabelOutcome,)

    def value(self, outcome: LabelOutcome) -> float:
        return outcome.exact / outcome.examples


@metrics.register
class HammingLoss(Metric):
    """wrong / (n · labels): the share of the decisions for or against a label that are wrong."""

    type: Literal["hamming_loss"] = "hamming_loss"
    applies_to: ClassVar[Kinds] = (LabelOutcome,)
    higher_is_better: ClassVar[bool] = False

    def value(self, outcome: LabelOutcome) -> float:
        return outcome.wrong / (outcome.examples * len(outcome.names))


@metrics.register
class PixelAccuracy(Metric):
    """correct / pixels: the share of pixels whose predicted class is the true one. NaN if no pixel
    counts."""

    type: Literal["pixel_accuracy"] = "pixel_accuracy"
    in_summary: ClassVar[bool] = True
    applies_to: ClassVar[Kinds] = (MaskOutcome,)

    def value(self, outcome: MaskOutcome) -> float:
        return outcome.correct / outcome.total if outcome.total else math.nan


@metrics.register
class BalancedAccuracy(Metric):
    """Recall averaged over the classes that have examples; the same number as macro_recall
    (Brodersen et al., 2010)."""

    type: Literal["balanced_accuracy"] = "balanced_accuracy"
    in_summary: ClassVar[bool] = True
    applies_to: ClassVar[Kinds] = CLASSES

    def value(self, outcome: ClassOutcome) -> float:
        return Recall().mean("macro", outcome)


@metrics.register
class Precision(ClassMetric):
    """TP / (TP + FP): the share of predictions of the class that are right; 0 if there are none."""

    type: Literal["precision"] = "precision"
    in_table: ClassVar[bool] = True

    def per_class(self, outcome: Decisions) -> Values:
        return ratio(outcome.hits, outcome.predicted)


@metrics.register
class Recall(ClassMetric):
    """TP / (TP + FN): the share of the class that is predicted as such; 0 if it has no examples."""

    type: Literal["recall"] = "recall"
    in_table: ClassVar[bool] = True

    def per_class(self, outcome: Decisions) -> Values:
        return ratio(outcome.hits, outcome.support)


@metrics.register
class F1(ClassMetric):
    """2 TP / (2 TP + FP + FN), the harmonic mean of precision and recall; 0 if the class neither
    occurs nor is predicted. For masks, the Dice coefficient (Dice, 1945)."""

    type: Literal["f1"] = "f1"
    in_table: ClassVar[bool] = True

    def per_class(self, outcome: Decisions) -> Values:
        return ratio(2 * outcome.hits, outcome.predicted + outcome.support)


@metrics.register
class IoU(ClassMetric):
    """TP / (TP + FP + FN): intersection over union of the predicted and the true pixels (Jaccard,
    1901); 0 if the class neither occurs nor is predicted. macro_iou is the usual mIoU, over the
    classes that have pixels."""

    type: Literal["iou"] = "iou"
    in_table: ClassVar[bool] = True
    applies_to: ClassVar[Kinds] = (MaskOutcome,)

    def per_class(self, outcome: Decisions) -> Values:
        return ratio(outcome.hits, outcome.predicted + outcome.support - outcome.hits)


@metrics.register
class CohenKappa(Metric):
    """(p - e) / (1 - e), where p is the accuracy and e the accuracy of independent guesses with the
    same class frequencies (Cohen, 1960); at most 1, 0 for chance. NaN if only one class occurs and
    only that class is predicted."""

    type: Literal["cohen_kappa"] = "cohen_kappa"
    applies_to: ClassVar[Kinds] = CLASSES
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def value(self, outcome: ClassOutcome) -> float:
        n, chance = outcome.total, int(outcome.support @ outcome.predicted)  # e = chance / n²
        possible = n * n - chance
        return (outcome.correct * n - chance) / possible if possible else math.nan


@metrics.register
class Matthews(Metric):
    """The correlation of true and predicted classes (Matthews, 1975; for several classes Gorodkin,
    2004), from -1 to 1; 0 for chance, and if only one class occurs or is predicted."""

    type: Literal["matthews"] = "matthews"
    applies_to: ClassVar[Kinds] = CLASSES
    bounds: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def value(self, outcome: ClassOutcome) -> float:
        n, true, predicted = outcome.total, outcome.support, outcome.predicted
        covariance = outcome.correct * n - int(true @ predicted)
        variances = (n * n - int(true @ true)) * (n * n - int(predicted @ predicted))
        return covariance / math.sqrt(variances) if variances else 0.0
