"""What a metric is, and the registry of all.

    @metrics.register
    class Specificity(ClassMetric):
        "Of the examples not of the class, the share not predicted as it."

        type: Literal["specificity"] = "specificity"

        def per_class(self, outcome: Decisions) -> NDArray[np.float64]:
            others = outcome.total - outcome.support
            return ratio(others - outcome.predicted + outcome.hits, others)

Its names follow: macro_specificity, micro_specificity, weighted_specificity, specificity.CLASS.
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
    """A number computed from an outcome. Where it is undefined, it is NaN.

    Attributes:
        applies_to: the kinds of outcome it can be computed from.
        parts_of: the kinds for each of whose names it has a number.
        needs_scores: whether they must have kept their scores.
        higher_is_better: whether a better model has more of it.
        bounds: the least and the greatest value it can have.
    """

    applies_to: ClassVar[Kinds]
    parts_of: ClassVar[Kinds] = ()
    needs_scores: ClassVar[bool] = False
    higher_is_better: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float]] = (0.0, 1.0)

    @classmethod
    def named(cls, name: str) -> Self | None:
        """The metric that is called `name`, if this definition has one."""
        return cls() if name == cls.model_fields["type"].default else None

    @property
    def name(self) -> str:
        """What it is called."""
        return str(type(self).model_fields["type"].default)

    @classmethod
    def suits(cls, kind: type[Outcome]) -> bool:
        """Whether it can be computed from outcomes of `kind`, or from some if that is abstract."""
        return _is_among(kind, cls.applies_to)

    @abstractmethod
    def value(self, outcome: Any) -> float:
        """The one number for `outcome`, which has examples."""

    def parts(self, outcome: Any) -> NDArray[np.float64] | None:
        """One number for each of the outcome's names, if the metric has them."""
        return None

    @classmethod
    def has_parts(cls, kind: type[Outcome]) -> bool:
        """Whether outcomes of `kind` have `parts`."""
        return _is_among(kind, cls.parts_of)

    @classmethod
    def has_value(cls) -> bool:
        """Whether there is a number under the metric's own name."""
        return True

    @classmethod
    def means(cls) -> tuple[str, ...]:
        """Which means over its parts there are: prefixes of its name."""
        return ()

    def mean(self, mean: str, outcome: Any) -> float:
        """The mean over the parts that is called so."""
        raise NotImplementedError


class ClassMetric(Metric):
    """A metric with a value for each class (or label), seen as decisions for and against it.

    Its means are macro, each class counting the same; weighted, each by its number of examples; and
    micro, all decisions taken together. Macro and weighted means leave out classes without
    examples, and those for which the metric is undefined. Where a subclass defines `value`, there
    is also a number under the metric's own name."""

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

    def mean(self, mean: str, outcome: DecisionOutcome) -> float:
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
    """A metric with a value for each output of a regression; its own value is their mean."""

    applies_to: ClassVar[Kinds] = (NumberOutcome,)
    parts_of: ClassVar[Kinds] = (NumberOutcome,)

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
    """The loss that training minimizes, mean per example, without regularization."""

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
