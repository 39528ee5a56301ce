"""Lines of text that fit a given width."""

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from mlptrain.training.events import EpochMetrics

LABEL_WIDTH = 9
GAP = "   "
BEST = "  best"


def cells(text: str) -> int:
    """How many terminal columns `text` takes."""
    if text.isascii():
        return len(text)
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(unicodedata.combining(c) != 0 for c in text)


def padded(text: str, width: int) -> str:
    """`text` with spaces after it up to `width` columns."""
    return text + " " * (width - cells(text))


def labelled(label: str, parts: Sequence[str], width: int) -> str:
    """`label`, then `parts` side by side; a part that does not fit starts a new line, unbroken."""
    lines = [f"{label:<{LABEL_WIDTH - 1}} {parts[0]}"]
    for part in parts[1:]:
        if cells(lines[-1] + GAP + part) <= width:
            lines[-1] += GAP + part
        else:
            lines.append(" " * LABEL_WIDTH + part)
    return "\n".join(lines)


def aligned(rows: Iterable[Sequence[str]]) -> list[str]:
    """`rows` as lines, in columns of which the last is flush right."""
    table = list(rows)
    *lefts, last = [max(map(cells, column)) for column in zip(*table, strict=True)]
    lines = []
    for *texts, number in table:
        left = [padded(text, width) for text, width in zip(texts, lefts, strict=True)]
        lines.append(_BETWEEN.join((*left, number.rjust(last))).rstrip())
    return lines


def numbers_right(rows: Sequence[Sequence[str]]) -> list[str]:
    """`rows` as lines, in columns of which all but the first are flush right."""
    widths = [max(map(cells, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        right = [
            " " * (width - cells(text)) + text
            for text, width in zip(others, widths[1:], strict=True)
        ]
        lines.append(_BETWEEN.join((padded(first, widths[0]), *right)).rstrip())
    return lines


class LiveLine(NamedTuple):
    """A progress line for a long task.

    Attributes:
        name: the task.
        done, total: how far it has got.
        facts: details by name, in the order shown.
    """

    name: str
    done: int
    total: int
    facts: Mapping[str, str]

    def fitting(self, width: int) -> tuple[int, str]:
        """The width of the bar, 0 if there is no room for one, and the text after it: the facts
        that fit into `width` columns."""
        facts = dict(self.facts)
        for name in _LEAST_FACTS_FIRST:
            if cells(_BETWEEN.join((self.name, *facts.values()))) > width:
                facts.pop(name, None)
        text = _BETWEEN.join(facts.values())
        room = width - cells(_BETWEEN.join((self.name, "", text)))
        return min(room, _MAX_BAR) if room >= _MIN_BAR else 0, text


def duration(seconds: float) -> str:
    """`seconds` as a clock shows them: 0:42, 12:05, 3:07:09."""
    minutes, left = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


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
    """One line of fixed width per epoch. If `width` is too small, the least important columns are
    dropped."""

    def __init__(self, names: Iterable[str], *, width: int) -> None:
        """`names`: the names of the measured values."""
        self.columns = [_EPOCH, *map(_measured, names), *_SPEED]
        for title in _LEAST_FIRST:
            if len(self.titles()) + len(BEST) > width:
                self.columns = [column for column in self.columns if column.title != title]

    def titles(self) -> str:
        """The header line."""
        return "  ".join(f"{column.title:>{column.width}}" for column in self.columns)

    def row(self, metrics: EpochMetrics) -> str:
        """The line of one epoch."""
        return "  ".join(f"{column.show(metrics):>{column.width}}" for column in self.columns)


def number(value: float | None) -> str:
    """A loss or an accuracy in at most 8 characters."""
    if value is None or math.isnan(value):
        return ""
    text = f"{value:.4f}"
    return text if len(text) <= len("999.9999") else f"{value:.2e}"


def score(value: float) -> str:
    """A metric, or "-" where it is undefined."""
    return "-" if math.isnan(value) else number(value)


def plural(count: int, noun: str) -> str:
    """`count` with its noun: 1 epoch, 2 epochs."""
    ending = "es" if noun.endswith("s") else "s"
    return f"{count} {noun}{'' if count == 1 else ending}"


def _measured(name: str) -> Column:
    return Column(name, lambda metrics: number(metrics.values[name]))


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.2e}"


_EPOCH = Column("epoch", lambda metrics: str(metrics.epoch))
_SPEED = (
    Column("learning_rate", lambda metrics: _rate(metrics.learning_rate)),
    Column("time", lambda metrics: f"{metrics.seconds:.2f} s", least_width=8),
)
_BETWEEN = "  "
_MIN_BAR, _MAX_BAR = 10, 40
_LEAST_FACTS_FIRST = ("best", "loss", "step")
_LEAST_FIRST = ("train_accuracy", "learning_rate", "train_loss", "time")
