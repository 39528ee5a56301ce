"""What changed from one evaluation to another of the same examples."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlptrain.comparison.measured import Measured
from mlptrain.comparison.significance import mcnemar

_OF_PARTS = "recall"  # the metric shown for every class or label; for outputs the first there is


class Change(NamedTuple):
    """A number before and after; None where it is undefined."""

    name: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float | None:
        """after - before."""
        if self.before is None or self.after is None:
            return None
        return self.after - self.before

    @property
    def record(self) -> dict[str, Any]:
        """As values that JSON has."""
        return {**self._asdict(), "change": self.difference}


@dataclass(frozen=True)
class Comparison:
    """Two evaluations of the same examples in the same order."""

    before: Measured
    after: Measured

    def change(self, name: str) -> Change:
        """That of a metric, or of one class as in `recall.cat`."""
        return Change(name, self.before.value(name), self.after.value(name))

    @property
    def metrics(self) -> list[Change]:
        """All metrics of the second evaluation."""
        return [self.change(name) for name in self.after.metrics]

    @property
    def part_metric(self) -> str:
        """The metric in `parts`; "" without parts."""
        keys = [key for part in self.after.parts[:1] for key in part if key != "name"]
        return _OF_PARTS if _OF_PARTS in keys else next(iter(keys), "")

    @property
    def parts(self) -> list[Change]:
        """The change for every class, label or output, the largest first."""
        stem = self.part_metric
        names = [str(part["name"]) for part in self.after.parts]
        found = [self.change(f"{stem}.{name}")._replace(name=name) for name in names]
        return sorted(found, key=lambda each: -abs(each.difference or 0))

    @property
    def flips(self) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
        """The indices of the examples that only the first has right, and of those that only the
        second has right; None without right and wrong."""
        if self.before.wrong is None or self.after.wrong is None:
            return None
        before, after = set(self.before.wrong), set(self.after.wrong)
        lost, gained = sorted(after - before), sorted(before - after)
        return np.array(lost, np.int64), np.array(gained, np.int64)

    @property
    def p_value(self) -> float | None:
        """That of McNemar's test; None without right and wrong."""
        return mcnemar(*map(len, self.flips)) if self.flips else None

    @property
    def record(self) -> dict[str, Any]:
        """As values that JSON has."""
        lost, gained = self.flips or (None, None)
        return {
            "model": self.before.model,
            "right_to_wrong": None if lost is None else len(lost),
            "wrong_to_right": None if gained is None else len(gained),
            "mcnemar_p": self.p_value,
            "metrics": [each.record for each in self.metrics],
            "parts": [{"metric": self.part_metric, **each.record} for each in self.parts],
        }
