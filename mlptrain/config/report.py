"""A mistake in a config and its place, shown the way a compiler does.

    configs/digits.yaml:12:5: unknown key 'lerning_rate' in training.optimizer; did you mean ...
       12 |     lerning_rate: 1e-3
          |     ^^^^^^^^^^^^

A `Source` is the file, or the text of one `--set`; a `Place` is a span on one line of it; a
`Report` is what is wrong there. Lines and columns are counted in characters from 0; only the text
for people counts from 1.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from mlptrain.errors import ConfigError
from mlptrain.text import printable

SHOWN_REPORTS = 50
SHOWN_CHARACTERS = 100  # of a line
TAB_WIDTH = 4


@dataclass(frozen=True)
class Source:
    """Where text comes from. A `--set` has no lines; its text is in its name. Relative paths in a
    file start from its `folder`, if that is another than the config's."""

    name: str
    lines: tuple[str, ...] = ()
    order: int = 0  # the config is 0; those it extends come before, the overrides after
    folder: str = ""  # seen from the config's


class Place(NamedTuple):
    source: Source
    line: int = 0
    column: int = 0
    width: int = 1

    @property
    def order(self) -> tuple[int, int, int]:
        """The sort key for reading order: each file from top to bottom, then each `--set`."""
        return self.source.order, self.line, self.column


class Report(NamedTuple):
    place: Place
    message: str

    def __str__(self) -> str:
        source, line, column, width = self.place
        if not source.lines:
            return f"{source.name}: {self.message}"
        shown, start, carets = _excerpt(source.lines[line], column, width)
        return (
            f"{source.name}:{line + 1}:{column + 1}: {self.message}\n"
            f"{line + 1:>5} | {shown}\n"
            f"      | {' ' * start}{'^' * carets}"
        )


def config_error(name: str, reports: Iterable[Report], count: int) -> ConfigError:
    """The one error that shows all `reports`; `count` is how many there are, shown or not."""
    lines = [str(report) for report in reports]
    if count > 1:
        rest = f"; {len(lines)} are shown" if len(lines) < count else ""
        lines.append(f"{count} errors in {name}{rest}")
    return ConfigError("\n".join(lines))


def shorten(text: str, length: int = 60) -> str:
    """`text`, with its middle elided if it is longer than `length`."""
    half = (length - 3) // 2
    return text if len(text) <= length else f"{text[:half]}...{text[-half:]}"


def _excerpt(line: str, column: int, width: int) -> tuple[str, int, int]:
    """The part of `line` to show, the column of its first caret, and the number of carets."""
    first, last = _window(line, column)
    cells = [_cell(character) for character in line[first:last]]
    shown = "".join(text for text, _ in cells).rstrip()
    before = "..." if first > 0 else ""
    after = "..." if last < len(line) else ""
    start = len(before) + sum(columns for _, columns in cells[: column - first])
    carets = sum(columns for _, columns in cells[column - first :][:width])
    return before + shown + after, start, max(carets, 1)


def _window(line: str, column: int) -> tuple[int, int]:
    """The part of `line` to show: all of it, or SHOWN_CHARACTERS around `column`."""
    if len(line) <= SHOWN_CHARACTERS:
        return 0, len(line)
    first = max(0, min(column - SHOWN_CHARACTERS // 4, len(line) - SHOWN_CHARACTERS))
    return first, first + SHOWN_CHARACTERS


def _cell(character: str) -> tuple[str, int]:
    """`character` as shown on a terminal, and the columns it takes there."""
    if character == "\t":
        return " " * TAB_WIDTH, TAB_WIDTH
    if not character.isprintable():
        escaped = printable(character)
        return escaped, len(escaped)
    if unicodedata.category(character) in ("Mn", "Me"):
        return character, 0
    return character, 2 if unicodedata.east_asian_width(character) in "WF" else 1
