"""The metrics of each class, label or number of an outcome, as a table."""

from typing import NamedTuple

from mlptrain.tasks.metrics.measure import columns_for, metric_names, value_of
from mlptrain.tasks.outcomes.decisions import DecisionOutcome
from mlptrain.tasks.outcomes.outcome import Outcome


class PartTable(NamedTuple):
    """A row for each of an outcome's names.

    Attributes:
        titles: the metrics.
        rows: a value for each metric, in the order of the names.
        support: how many examples or pixels there are of each name; None for numbers.
        means: the mean of each column as far as it is a metric, and the sum of the support.
    """

    titles: tuple[str, ...]
    rows: list[list[float]]
    support: list[int] | None
    means: tuple[list[float | None], int] | None


def part_table(outcome: Outcome) -> PartTable:
    """The table for `outcome`, which has names and examples; only decisions have means."""
    columns = columns_for(outcome, table=True)
    rows = [
        [float(column[index]) for column in columns.values()] for index in range(len(outcome.names))
    ]
    if not isinstance(outcome, DecisionOutcome):
        return PartTable(tuple(columns), rows, None, None)
    known = metric_names(type(outcome))
    names = [f"macro_{title}" for title in columns]
    means = [value_of(name, outcome) if name in known else None for name in names]
    return PartTable(tuple(columns), rows, outcome.support.tolist(), (means, outcome.total))
