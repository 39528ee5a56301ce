"""`eval --baseline RUN --max-drop accuracy=0.005`: no metric may get worse than that."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mlptrain.cli.gates import Verdict, name_and_limit, named_measure
from mlptrain.cli.layout import score
from mlptrain.comparison.compare import Comparison
from mlptrain.errors import UsageError
from mlptrain.tasks.metrics.measure import Measure
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import show_name

ROUNDING = 1e-12  # so that 0.9 may drop by 0.1 to 0.8


class Drop(NamedTuple):
    """How much worse a metric may become: its value as given, the metric's name and the limit."""

    text: str
    name: str
    limit: float

    def measure(self, kind: type[Outcome] = Outcome, names: Sequence[str] | None = None) -> Measure:
        """The measure that it names, see `named_measure`."""
        return named_measure(f"--max-drop {self.text}", self.name, kind, names)

    def judge(self, comparison: Comparison) -> Verdict:
        """Whether the second evaluation passes it."""
        after = comparison.change(self.name)[2]
        measured = "-" if after is None else score(after)
        return Verdict(show_name(f"--max-drop {self.text}"), measured, self._missed(comparison))

    def _missed(self, comparison: Comparison) -> str:
        _, before, after = comparison.change(self.name)
        name = show_name(self.name)
        if before is None or after is None:
            where = "in the baseline" if before is None else "for these examples"
            return f"{name} has no value {where}"
        worse = before - after if self.measure().metric.higher_is_better else after - before
        if worse <= self.limit + ROUNDING:
            return ""
        way = f"from {before:.6g} to {after:.6g}"
        return f"{name} got worse by {worse:.6g}, {way}; allowed is {self.limit:g}"


def parse_drops(given: Sequence[str], baseline: Path | None) -> list[Drop]:
    """The limits given to `--max-drop` as NAME=VALUE. Raises UsageError."""
    if given and baseline is None:
        raise UsageError(
            f"--max-drop {given[0]}: is measured from a baseline. Add --baseline RUN, or set a "
            "limit of its own with --min or --max."
        )
    return [_parse(text) for text in given]


def _parse(text: str) -> Drop:
    parts = name_and_limit(text)
    if parts is None or parts[1] < 0:
        raise UsageError(
            f"--max-drop {text}: is no limit. Write NAME=VALUE with a metric and a number from 0, "
            "for example --max-drop accuracy=0.005."
        )
    drop = Drop(text, *parts)
    drop.measure()
    return drop
