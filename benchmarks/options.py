"""What the user asked for, as every part of the benchmarks reads it."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from benchmarks.report import Table
from benchmarks.rows import ROWS, Row

QUICK_STEPS = 5


@dataclass(frozen=True)
class Options:
    """Attributes:
    rounds: how often everything that is timed is timed, in turn.
    rows: the numbers of the rows to train.
    quick: fewer steps, points and seeds, to see that everything works.
    data: the folder with Fashion-MNIST.
    """

    rounds: int
    rows: tuple[int, ...]
    quick: bool
    data: Path

    def __str__(self) -> str:
        return f"{self.rounds} rounds" + (", QUICK: no figure here means anything" * self.quick)

    def chosen_rows(self) -> dict[int, Row]:
        """By number; when `quick`, with few steps in a pass."""
        rows = {number: ROWS[number] for number in self.rows}
        if not self.quick:
            return rows
        return {
            number: replace(row, examples=QUICK_STEPS * row.batch_size, passes=1)
            for number, row in rows.items()
        }


class Part(Protocol):
    """A module that measures one thing: `measure` returns what json can hold, raw figures per
    round, and `tables` makes of that what is shown."""

    def measure(self, options: Options) -> Any: ...

    def tables(self, result: Any) -> list[Table]: ...
