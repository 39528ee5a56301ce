"""Metrics by name, for an outcome or, before there is one, for a kind of outcome.

    accuracy, top_3_accuracy      a metric
    macro_f1, weighted_recall     its mean over the classes
    recall.cat, mae.price         its value for one class, label or output

Everything after the first dot is the class name, which may contain any character.
"""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.metrics import confusion, numbers, scores
from mlptrain.tasks.metrics.metric import ClassMetric, Metric, metrics
from mlptrain.tasks.outcomes.decisions import DecisionOutcome
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import show_name

DEFINED_IN = (confusion, numbers, scores)  # importing them registers their metrics
MAX_NAMED = 20  # parts in a message


class Measure(NamedTuple):
    """What a name stands for: the `metric` itself, one `mean` of it over the classes, or its value
    for one `part`."""

    metric: Metric
    mean: str = ""
    part: str | None = None

    @property
    def name(self) -> str:
        """The name that resolves to this measure."""
        name = f"{self.mean}_{self.metric.name}" if self.mean else self.metric.name
        return name if self.part is None else f"{name}.{self.part}"

    def value(self, outcome: Outcome) -> float:
        """Its value; NaN where it is undefined: without examples, or without any of the class."""
        if not outcome.examples or self._is_missing(outcome):
            return math.nan
        if self.metric.needs_scores and not outcome.keeps_scores:
            raise ValueError(f"{self.name} needs an outcome with keep_scores=True")
        if self.mean:
            assert isinstance(self.metric, ClassMetric)
            return float(self.metric.mean(self.mean, outcome))
        if self.part is None:
            return float(self.metric.value(outcome))
        values = self.metric.parts(outcome)
        assert values is not None
        return float(values[outcome.names.index(self.part)])

    def why_undefined(self, outcome: Outcome) -> str:
        """Why `value` is NaN; "" if it is not."""
        if self._is_missing(outcome):
            things = "pixels" if outcome.by_pixel else "examples"
            return f"there are no {things} of {outcome.part} '{show_name(self.part or '')}'"
        return "it is undefined for these examples" if math.isnan(self.value(outcome)) else ""

    def _is_missing(self, outcome: Outcome) -> TypeGuard[DecisionOutcome]:
        return isinstance(outcome, DecisionOutcome) and self.part in outcome.missing


def metrics_for(outcome: Outcome) -> dict[str, float]:
    """All metrics of `outcome` and their means, by name; those that need scores only if it kept
    them."""
    return {each.name: each.value(outcome) for each in _measures_of(outcome)}


def columns_for(outcome: Outcome, *, table: bool = False) -> dict[str, NDArray[np.float64]]:
    """All metrics of `outcome` with one value per class, label or number, by name, or those for a
    `table` only; empty without examples."""
    found = {}
    for metric in _definitions(type(outcome)):
        if table and not metric.in_table:
            continue
        if outcome.examples and (outcome.keeps_scores or not metric.needs_scores):
            values = metric().parts(outcome)
            if values is not None:
                found[metric().name] = values
    return found


def finite(values: Mapping[str, float]) -> dict[str, float | None]:
    """`values` for JSON: None for NaN and infinity, which JSON lacks."""
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def value_of(name: str, outcome: Outcome) -> float:
    """The value of the metric `name`. Raises ValueError as `resolve` does."""
    return resolve(name, type(outcome), outcome.names).value(outcome)


def higher_is_better(name: str) -> bool:
    """Whether higher is better. Raises ValueError as `resolve` does."""
    return resolve(name).metric.higher_is_better


def needs_scores(name: str, kind: type[Outcome]) -> bool:
    """Whether outcomes of `kind` must keep their scores for it. Raises ValueError as `resolve`
    does."""
    return resolve(name, kind).metric.needs_scores


def metric_names(kind: type[Outcome]) -> tuple[str, ...]:
    """The metric names that apply to outcomes of `kind`, without those of single parts."""
    return tuple(each.name for each in _measures(kind))


def summary_names(kind: type[Outcome]) -> tuple[str, ...]:
    """The names of those that are printed as numbers of their own."""
    singles = (each for each in _measures(kind) if not each.mean)
    return tuple(each.name for each in singles if each.metric.in_summary)


def resolve(
    name: str, kind: type[Outcome] = Outcome, parts: Sequence[str] | None = None
) -> Measure:
    """What `name` stands for in outcomes of `kind`, by default of any kind, with these `parts`;
    None: not known yet, so any part is accepted. Raises ValueError, saying what is allowed."""
    stem, dot, part = name.partition(".")
    if not dot:
        found = _find(stem, kind)
        if found is None:
            raise ValueError(_no_metric(stem, kind))
        return found
    metric = _named(stem, kind)
    if metric is None or not metric.has_parts(kind):
        raise ValueError(_no_parts(stem, kind))
    if parts is not None and part not in parts:
        raise ValueError(_no_part(part, kind, parts))
    return Measure(metric, part=part)


def _definitions(kind: type[Outcome]) -> Iterator[type[Metric]]:
    return (each for each in metrics.definitions() if each.suits(kind))


def _measures(kind: type[Outcome]) -> Iterator[Measure]:
    for definition in _definitions(kind):
        if definition.has_value():
            yield Measure(definition())
        yield from (Measure(definition(), mean) for mean in definition.means())


def _measures_of(outcome: Outcome) -> Iterator[Measure]:
    for each in _measures(type(outcome)):
        if outcome.keeps_scores or not each.metric.needs_scores:
            yield each


def _named(name: str, kind: type[Outcome]) -> Metric | None:
    """The metric of that name, whether or not it has a value of its own."""
    named = (each.named(name) for each in _definitions(kind))
    return next((metric for metric in named if metric is not None), None)


def _find(name: str, kind: type[Outcome]) -> Measure | None:
    metric = _named(name, kind)
    if metric is not None:
        return Measure(metric) if metric.has_value() else None
    mean, _, rest = name.partition("_")
    metric = _named(rest, kind)
    if metric is not None and mean in metric.means():
        return Measure(metric, mean)
    return None


def _no_metric(name: str, kind: type[Outcome], names: Sequence[str] = ()) -> str:
    """Why there is no metric `name`, which was perhaps meant to be one of `names`, by default any
    that has a value of its own."""
    metric = _named(name, kind)
    if metric is not None:
        means = ", ".join(f"{mean}_{name}" for mean in metric.means())
        return f"{name} is a number per {_word(kind)}. Write {means} or {name}.CLASS."
    where = "" if kind is Outcome else f" for {kind.task}"
    names = names or [each.name for each in _measures(kind)]
    return f"there is no metric '{show_name(name)}'{where}{_meant(name, names)} {_allowed(kind)}"


def _no_parts(name: str, kind: type[Outcome]) -> str:
    ours = [each().name for each in _definitions(kind) if each.has_parts(kind)]
    if (found := _find(name, kind)) is None:
        return _no_metric(name, kind, ours)
    if not ours:
        return f"{found.name} is one number; nothing can follow it."
    return f"{found.name} is one number. Only {', '.join(ours)} have one per {_word(kind)}."


def _no_part(part: str, kind: type[Outcome], parts: Sequence[str]) -> str:
    word = _word(kind)
    shown = [show_name(each) for each in parts[:MAX_NAMED]]
    if len(parts) > MAX_NAMED:
        shown.append(f"and {len(parts) - MAX_NAMED} more")
    there = f"The {word}{'es' if word == 'class' else 's'} are {', '.join(shown)}."
    return f"there is no {word} '{show_name(part)}'{_meant(part, parts)} {there}"


def _word(kind: type[Outcome]) -> str:
    return kind.part or "class"


def _meant(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean '{show_name(close[0])}'?" if close else "."


def _allowed(kind: type[Outcome]) -> str:
    """The names allowed for `kind`, as sentences."""
    measures = list(_measures(kind))
    text = f"The metrics are {', '.join(each.name for each in measures if not each.mean)}"
    averaged = dict.fromkeys(each.metric.name for each in measures if each.mean)
    if averaged:
        *others, last = dict.fromkeys(f"{each.mean}_" for each in measures if each.mean)
        text += f"; and, after {', '.join(others)} or {last}, {', '.join(averaged)}"
    return f"{text}."
