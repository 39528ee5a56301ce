"""The options that every part of the benchmarks gets, and what a part must define."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from benchmarks.report import Table
from benchmarks.rows import ROWS, Row

QUICK_STEPS = 5


@dataclass(frozen=True)
class Options:
    """Attributes:
    rounds: how often everything is timed, in turn.
    rows: the numbers of the rows to train.
    quick: fewer steps, points and seeds, to check that everything works.
    data: the folder with Fashion-MNIST.
    """

    rounds: int
    rows: tuple[int, ...]
    quick: bool
    data: Path

    def __str__(self) -> str:
        return f"{self.rounds} rounds" + (", QUICK: no figure here means anything" * self.quick)

    def chosen_rows(self) -> dict[int, Row]:
        """The rows by number; if `quick`, with few steps per pass."""
        rows = {number: ROWS[number] for number in self.rows}
        if not self.quick:
            return rows
        return {
            number: replace(row, examples=QUICK_STEPS * row.batch_size, passes=1)
            for number, row in rows.items()
        }


class Part(Protocol):
    """A module that measures one thing. `measure` returns the raw figures of each round, which must
    fit into JSON; `tables` turns them into the tables to show."""

    def measure(self, options: Options) -> Any: ...

    def tables(self, result: Any) -> list[Table]: ...
