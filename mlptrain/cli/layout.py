"""Lines of text that fit the width they are given."""

import unicodedata
from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlptrain.training.events import EpochMetrics
from mlptrain.training.metrics import Evaluation

LABEL_WIDTH = 9
GAP = "   "
BEST = "  best"


def cells(text: str) -> int:
    """How many columns of a terminal `text` takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)


def padded(text: str, width: int) -> str:
    """`text` with spaces after it up to `width` columns."""
    return text + " " * (width - cells(text))


def labelled(label: str, parts: Sequence[str], width: int) -> str:
    """`label`, then `parts` side by side; a part that does not fit begins a new line, whole."""
    lines = [f"{label:<{LABEL_WIDTH}}{parts[0]}"]
    for part in parts[1:]:
        if cells(lines[-1] + GAP + part) <= width:
            lines[-1] += GAP + part
        else:
            lines.append(" " * LABEL_WIDTH + part)
    return "\n".join(lines)


class Column(NamedTuple):
    """One number of an epoch: its title and how it is shown."""

    title: str
    show: Callable[[EpochMetrics], str]
    least_width: int = 0

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        return max(len(self.title), self.least_width)


class EpochTable:
    """One line per epoch, of fixed width; where that is too much for `width`, without the columns
    that matter least."""

    def __init__(self, *, validated: bool, width: int) -> None:
        self.columns = [c for c in _COLUMNS if validated or not c.title.startswith("val_")]
        for title in _LEAST_FIRST:
            if len(self.titles()) + len(BEST) > width:
                self.columns = [column for column in self.columns if column.title != title]

    def titles(self) -> str:
        """The line above the rows."""
        return "  ".join(f"{column.title:>{column.width}}" for column in self.columns)

    def row(self, metrics: EpochMetrics) -> str:
        """The line of one epoch."""
        return "  ".join(f"{column.show(metrics):>{column.width}}" for column in self.columns)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    text = f"{value:.4f}"
    return text if len(text) <= len("999.9999") else f"{value:.2e}"


def accuracy(evaluation: Evaluation) -> list[str]:
    """The accuracy with what is needed to judge it, in parts."""
    low, high = evaluation.accuracy_interval
    interval = f"95 % interval {low:.3f}-{high:.3f}, n = {evaluation.examples}"
    return [
        f"{evaluation.accuracy:.4f} ({interval})",
        f"majority class {evaluation.majority_baseline:.3f}",
    ]


def plural(count: int, noun: str) -> str:
    """`count` with its noun: 1 epoch, 2 epochs."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


_COLUMNS = (
    Column("epoch", lambda metrics: str(metrics.epoch)),
    Column("train_loss", lambda metrics: _number(metrics.train_loss)),
    Column("train_accuracy", lambda metrics: _number(metrics.train_accuracy)),
    Column("val_loss", lambda metrics: _number(metrics.val_loss)),
    Column("val_accuracy", lambda metrics: _number(metrics.val_accuracy)),
    Column("learning_rate", lambda metrics: f"{metrics.learning_rate:.2e}"),
    Column("time", lambda metrics: f"{metrics.seconds:.2f} s", least_width=8),
)
_LEAST_FIRST = ("train_accuracy", "learning_rate", "train_loss", "time")
