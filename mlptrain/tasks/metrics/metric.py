"""What a metric is, and the registry of all metrics.

    @metrics.register
    class Specificity(ClassMetric):
        "TN / (TN + FP): the share of the other classes' examples not predicted as this class."

        type: Literal["specificity"] = "specificity"

        def per_class(self, outcome: Decisions) -> NDArray[np.float64]:
            others = outcome.total - outcome.support
            return ratio(others - outcome.predicted + outcome.hits, others)

This defines macro_specificity, micro_specificity, weighted_specificity and specificity.CLASS.
"""

import math
from abc import abstractmethod
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from mlptrain.registry import Definition, Registry
from mlptrain.tasks.outcomes.decisions import Counts, DecisionOutcome, Decisions
from mlptrain.tasks.outcomes.numbers import NumberOutcome
from mlptrain.tasks.outcomes.outcome import Outcome

Kinds = tuple[type[Outcome], ...]


class Metric(Definition):
    """A number computed from an outcome; NaN where it is undefined.

    Attributes:
        applies_to: the kinds of outcome it can be computed from.
        parts_of: the kinds for which it also has one number per class, label or output.
        needs_scores: whether the outcome must have kept its scores.
        higher_is_better: whether higher is better.
        bounds: the least and the greatest possible value.
        in_summary: whether `eval` prints it as a number of its own.
        in_table: whether `eval` prints it for each class or label.
    """

    applies_to: ClassVar[Kinds]
    parts_of: ClassVar[Kinds] = ()
    needs_scores: ClassVar[bool] = False
    higher_is_better: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)
    in_summary: ClassVar[bool] = False
    in_table: ClassVar[bool] = False

    @classmethod
    def named(cls, name: str) -> Self | None:
        """The metric called `name`, if this definition has one."""
        return cls() if name == cls.model_fields["type"].default else None

    @property
    def name(self) -> str:
        """Its name in configs and results."""
        return str(type(self).model_fields["type"].default)

    @classmethod
    def suits(cls, kind: type[Outcome]) -> bool:
        """Whether it can be computed from outcomes of `kind`; if `kind` is abstract, from some of
        its subclasses."""
        return _is_among(kind, cls.applies_to)

    @abstractmethod
    def value(self, outcome: Any) -> float:
        """The metric's value for `outcome`, which must have examples."""

    def parts(self, outcome: Any) -> NDArray[np.float64] | None:
        """One number for each name of the outcome, if the metric has such numbers."""
        return None

    @classmethod
    def has_parts(cls, kind: type[Outcome]) -> bool:
        """Whether `parts` is defined for outcomes of `kind`."""
        return _is_among(kind, cls.parts_of)

    @classmethod
    def has_value(cls) -> bool:
        """Whether the metric has a value under its own name."""
        return True

    @classmethod
    def means(cls) -> tuple[str, ...]:
        """The means over its parts that exist, as prefixes of its name."""
        return ()


class ClassMetric(Metric):
    """A metric with one value per class (or label), each class treated as a yes-or-no decision.

    Its means are macro (every class counts the same), weighted (by number of examples) and micro
    (all decisions pooled). Macro and weighted means leave out classes that have no examples or for
    which the metric is undefined. A subclass that defines `value` also has a number under the
    metric's own name."""

    applies_to: ClassVar[Kinds] = (DecisionOutcome,)
    parts_of: ClassVar[Kinds] = (DecisionOutcome,)

    def value(self, outcome: Any) -> float:
        return self.mean("macro", outcome)

    @abstractmethod
    def per_class(self, outcome: Decisions) -> NDArray[np.float64]:
        """(classes,) the value for each class."""

    def parts(self, outcome: Any) -> NDArray[np.float64]:
        return self.per_class(outcome)

    @classmethod
    def has_value(cls) -> bool:
        return cls.value is not ClassMetric.value

    @classmethod
    def means(cls) -> tuple[str, ...]:
        return "macro", "micro", "weighted"

    def mean(self, mean: str, outcome: Any) -> float:
        """The mean of that name over the classes."""
        if not outcome.support.any():
            return math.nan
        if mean == "micro":
            return float(self.per_class(outcome.pooled)[0])
        values = self.per_class(outcome)
        counted = (outcome.support > 0) & ~np.isnan(values)
        if not counted.any():
            return math.nan
        if mean == "macro":
            return float(values[counted].mean())
        return float(np.average(values[counted], weights=outcome.support[counted]))


class NumberMetric(Metric):
    """A metric with one value per regression output; its own value is their mean."""

    applies_to: ClassVar[Kinds] = (NumberOutcome,)
    parts_of: ClassVar[Kinds] = (NumberOutcome,)
    in_table: ClassVar[bool] = True

    def value(self, outcome: Any) -> float:
        return float(self.per_output(outcome).mean())

    @abstractmethod
    def per_output(self, outcome: NumberOutcome) -> NDArray[np.float64]:
        """(k,) the value for each output."""

    def parts(self, outcome: Any) -> NDArray[np.float64] | None:
        return self.per_output(outcome) if isinstance(outcome, NumberOutcome) else None


metrics: Registry[Metric] = Registry("metric", Metric)


@metrics.register
class Loss(Metric):
    """The training loss, mean per example, without regularization."""

    type: Literal["loss"] = "loss"
    applies_to: ClassVar[Kinds] = (Outcome,)
    higher_is_better: ClassVar[bool] = False
    bounds: ClassVar[tuple[float, float]] = (-math.inf, math.inf)

    def value(self, outcome: Outcome) -> float:
        return outcome.loss


def ratio(part: Counts, whole: Counts) -> NDArray[np.float64]:
    """part / whole; 0 where whole is 0."""
    return part / np.maximum(whole, 1)


def _is_among(kind: type[Outcome], kinds: Kinds) -> bool:
    return any(issubclass(kind, each) or issubclass(each, kind) for each in kinds)
