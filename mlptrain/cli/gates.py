"""`eval --min accuracy=0.95 --max log_loss=0.2`: the exit code as a test in CI."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Protocol

from mlptrain.cli.layout import score
from mlptrain.errors import GateMissedError, UsageError
from mlptrain.tasks.metrics.measure import Measure, resolve
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import show_name

ROUNDING = 1e-12  # relative, so that the mean of 0.7, 0.8 and 0.9 passes 0.8


class Verdict(NamedTuple):
    """A `gate` as given, the value `measured` for it, and how it was `missed`; "" if it was not."""

    gate: str
    measured: str
    missed: str


class Limit(Protocol):
    """A limit on a measure, given as NAME=VALUE."""

    def measure(self, kind: type[Outcome] = ..., names: Sequence[str] | None = ...) -> Measure:
        """The measure that it names, see `named_measure`."""
        ...


class Gate(NamedTuple):
    """A limit on a metric: the `option`, its value as given, the metric's name and the limit."""

    option: str
    text: str
    name: str
    limit: float

    def measure(self, kind: type[Outcome] = Outcome, names: Sequence[str] | None = None) -> Measure:
        """The measure that it names, see `named_measure`."""
        return named_measure(f"{self.option} {self.text}", self.name, kind, names)

    def judge(self, outcome: Outcome) -> Verdict:
        """Whether `outcome` passes it."""
        value = score(self.measure(type(outcome), outcome.names).value(outcome))
        return Verdict(show_name(f"{self.option} {self.text}"), value, self._missed(outcome))

    def _missed(self, outcome: Outcome) -> str:
        measure, name = self.measure(type(outcome), outcome.names), show_name(self.name)
        if reason := measure.why_undefined(outcome):
            return f"{name} has no value: {reason}"
        value = measure.value(outcome)
        beyond = value < self.limit if self.option == "--min" else value > self.limit
        if not beyond or math.isclose(value, self.limit, rel_tol=ROUNDING):
            return ""
        shown = f"{value:.6g}"
        if float(shown) == self.limit:
            shown = repr(value)
        return f"{name} {shown} is {'below' if self.option == '--min' else 'above'} {self.limit}"


def parse_gates(minima: Sequence[str], maxima: Sequence[str]) -> list[Gate]:
    """The gates given to `--min` and `--max`. Raises UsageError."""
    given = [*(("--min", text) for text in minima), *(("--max", text) for text in maxima)]
    return [_parse(option, text) for option, text in given]


def named_measure(
    given: str, name: str, kind: type[Outcome], names: Sequence[str] | None
) -> Measure:
    """The measure that `name`, in the option `given`, means in outcomes of `kind` with the parts
    `names`, as `resolve` finds it. Raises UsageError if there is none."""
    try:
        return resolve(name, kind, names)
    except ValueError as error:
        raise UsageError(f"{given}: {error}") from None


def name_and_limit(text: str) -> tuple[str, float] | None:
    """The parts of NAME=VALUE; None if it is none. NAME ends at the last "=" and its metric at the
    first ".", so class names may contain both."""
    name, _, value = text.rpartition("=")
    try:
        limit = float(value)
    except ValueError:
        return None
    return (name, limit) if name and math.isfinite(limit) else None


def check_names(limits: Iterable[Limit], kind: type[Outcome], names: Sequence[str]) -> None:
    """Raise UsageError if a limit names a metric that outcomes of `kind` do not have, or a class,
    label or output that is not among `names`."""
    for limit in limits:
        limit.measure(kind, names)


def require_passed(verdicts: Sequence[Verdict]) -> None:
    """Raise GateMissedError, naming the gates in one line, if any was missed."""
    missed = [each.missed for each in verdicts if each.missed]
    if missed:
        raise GateMissedError("gate missed: " + "; ".join(missed))


def _parse(option: str, text: str) -> Gate:
    if (parts := name_and_limit(text)) is None:
        example = "--min accuracy=0.95" if option == "--min" else "--max log_loss=0.2"
        raise UsageError(
            f"{option} {text}: is no gate. Write NAME=VALUE with a metric and a number, for "
            f"example {example}."
        )
    name, limit = parts
    gate = Gate(option, text, name, limit)
    metric = gate.measure().metric
    low, high = metric.bounds
    if metric.higher_is_better != (option == "--min"):
        other = "--max" if option == "--min" else "--min"
        better = "higher" if metric.higher_is_better else "lower"
        raise UsageError(
            f"{option} {text}: the {better} {show_name(name)} is, the better. Write {other} {text}."
        )
    if not low <= limit <= high:
        raise UsageError(
            f"{option} {text}: {show_name(name)} is never {text.removeprefix(name + '=')}. It is "
            f"{_between(low, high)}."
        )
    return gate


def _between(low: float, high: float) -> str:
    if math.isinf(low):
        return f"at most {high:g}"
    return f"at least {low:g}" if math.isinf(high) else f"from {low:g} to {high:g}"
