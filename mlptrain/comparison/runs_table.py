"""The runs of a folder as a table: a row per run, a column per key in which they differ."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mlptrain.comparison.runs import RunRow
from mlptrain.comparison.settings import differing, short_titles, show_value
from mlptrain.errors import UsageError
from mlptrain.tasks.metrics.measure import higher_is_better
from mlptrain.text import show_name

TEST = "test_"


class Column(NamedTuple):
    """A column: its title, and a text per run."""

    title: str
    texts: tuple[str, ...]


class RunsTable:
    """The runs, sorted by `sort`: a config key, its title in the table, name, state, epoch, best,
    or a metric of the test split such as test_accuracy. By a metric, the best come first. Raises
    UsageError for another `sort`.

    Attributes:
        keys: the keys in which the configs differ.
    """

    def __init__(self, rows: Sequence[RunRow], sort: str | None) -> None:
        self.keys = differing([row.settings for row in rows if row.settings])
        self.titles = short_titles(self.keys)
        self.rows = list(rows) if sort is None else self._sorted(rows, sort)

    def columns(self) -> list[Column]:
        """All columns, in order of their place in the table."""
        rows = self.rows
        monitors = {row.monitor for row in rows if row.monitor}
        best = monitors.pop() if len(monitors) == 1 else "best"
        headlines = dict.fromkeys(row.headline for row in rows if row.headline)
        return [
            Column("run", tuple(show_name(row.name) for row in rows)),
            Column("state", tuple(show_name(row.state) for row in rows)),
            *(
                Column(show_name(title), tuple(show_value(row.settings, key) for row in rows))
                for key, title in zip(self.keys, self.titles, strict=True)
            ),
            Column("epoch", tuple(str(row.epoch) for row in rows)),
            Column(show_name(best), tuple(_number(row.best_value) for row in rows)),
            *(
                Column(f"{TEST}{name}", tuple(_number(row.test.get(name)) for row in rows))
                for name in headlines
            ),
        ]

    def records(self) -> list[dict[str, Any]]:
        """The rows as values that JSON has."""
        return [row.record(self.keys) for row in self.rows]

    def _sorted(self, rows: Sequence[RunRow], sort: str) -> list[RunRow]:
        values = [self._value(row, sort) for row in rows]
        if all(value is None for value in values):
            allowed = ", ".join(map(show_name, ("name", "state", "epoch", "best", *self.titles)))
            raise UsageError(
                f"--sort {sort}: no run has it. Sort by {allowed}, any key of a config, or a "
                "metric of the test split such as test_accuracy."
            )
        numbers = all(isinstance(value, int | float) for value in values if value is not None)
        sign = -1 if numbers and self._higher_first(rows, sort) else 1
        known = [(v, row) for v, row in zip(values, rows, strict=True) if v is not None]
        known.sort(key=lambda pair: sign * pair[0] if numbers else str(pair[0]))
        return [row for _, row in known] + [
            r for v, r in zip(values, rows, strict=True) if v is None
        ]

    def _value(self, row: RunRow, sort: str) -> Any:
        if sort in ("name", "state", "epoch", "best_epoch"):
            return getattr(row, sort)
        if sort in ("best", row.monitor):
            return row.best_value
        if sort.startswith(TEST):
            return row.test.get(sort.removeprefix(TEST))
        if sort in self.titles:
            sort = self.keys[self.titles.index(sort)]
        return row.settings.get(sort)

    def _higher_first(self, rows: Sequence[RunRow], sort: str) -> bool:
        """Whether `sort` names a metric of which more is better."""
        monitors = {row.monitor for row in rows if row.monitor}
        name = monitors.pop() if sort == "best" and len(monitors) == 1 else sort
        split, _, metric = name.partition("_")
        try:
            return split in ("val", "test", "train") and higher_is_better(metric)
        except ValueError:
            return False


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}" if abs(value) < 1e4 else f"{value:.3g}"
