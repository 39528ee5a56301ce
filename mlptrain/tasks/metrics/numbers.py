"""Metrics of numbers: how far predictions are from targets, for regression and autoencoders.

With several outputs, the value is the mean over the outputs, as in scikit-learn.
"""

import math
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.metrics.metric import Kinds, Metric, NumberMetric, metrics
from mlptrain.tasks.outcomes.numbers import NumberOutcome, PictureOutcome

Values = NDArray[np.float64]
NUMBERS: Kinds = (NumberOutcome, PictureOutcome)
NOT_NEGATIVE = (0.0, math.inf)


@metrics.register
class MeanAbsoluteError(NumberMetric):
    """mean |prediction - target|."""

    type: Literal["mae"] = "mae"
    in_summary: ClassVar[bool] = True
    applies_to: ClassVar[Kinds] = NUMBERS
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = NOT_NEGATIVE

    def value(self, outcome: Any) -> float:
        if isinstance(outcome, PictureOutcome):
            return outcome.absolute_error / outcome.values
        return super().value(outcome)

    def per_output(self, outcome: NumberOutcome) -> Values:
        return np.asarray(np.abs(outcome.errors()).mean(axis=0))


@metrics.register
class MeanSquaredError(NumberMetric):
    """mean (prediction - target)²."""

    type: Literal["mse"] = "mse"
    applies_to: ClassVar[Kinds] = NUMBERS
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = NOT_NEGATIVE

    def value(self, outcome: Any) -> float:
        if isinstance(outcome, PictureOutcome):
            return outcome.squared_error / outcome.values
        return super().value(outcome)

    def per_output(self, outcome: NumberOutcome) -> Values:
        return np.asarray(np.square(outcome.errors()).mean(axis=0))


@metrics.register
class RootMeanSquaredError(NumberMetric):
    """√ mean (prediction - target)², in the units of the target."""

    type: Literal["rmse"] = "rmse"
    in_summary: ClassVar[bool] = True
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = NOT_NEGATIVE

    def per_output(self, outcome: NumberOutcome) -> Values:
        return np.sqrt(MeanSquaredError().per_output(outcome))


@metrics.register
class R2(NumberMetric):
    """1 - Σ (prediction - target)² / Σ (target - mean target)², the coefficient of determination:
    1 if perfect, 0 for always predicting the mean, no lower bound. If all targets are equal, 1 if
    perfect, else 0. NaN for a single example."""

    type: Literal["r2"] = "r2"
    in_summary: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float]] = (-math.inf, 1.0)

    def per_output(self, outcome: NumberOutcome) -> Values:
        targets = outcome.targets.astype(np.float64)
        if len(targets) < 2:
            return np.full(targets.shape[1], math.nan)
        unexplained = np.square(outcome.errors()).sum(axis=0)
        spread = np.square(targets - targets.mean(axis=0)).sum(axis=0)
        # rounding may leave a constant a spread, or nothing of a tiny one
        constant = (np.ptp(targets, axis=0) == 0) | (spread == 0)
        share = unexplained / np.where(constant, 1, spread)
        return np.asarray(1 - np.where(constant, unexplained != 0, share))


@metrics.register
class PSNR(Metric):
    """10 log₁₀(1 / mse), the peak signal-to-noise ratio in decibels for values in [0, 1], with the
    mse over all pictures; infinite if all are perfect."""

    type: Literal["psnr"] = "psnr"
    in_summary: ClassVar[bool] = True
    applies_to: ClassVar[Kinds] = (PictureOutcome,)
    bounds: ClassVar[tuple[float, float]] = NOT_NEGATIVE

    def value(self, outcome: PictureOutcome) -> float:
        mse = MeanSquaredError().value(outcome)
        return -10 * math.log10(mse) if mse else math.inf
