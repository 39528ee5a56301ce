"""Tables as aligned Markdown, readable both in a terminal and in RESULTS.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A table with a title; `note` says how to read it."""

    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""

    def __str__(self) -> str:
        lines = [list(self.header), *map(list, self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
        text = "\n".join("| " + " | ".join(_padded(line, widths)) + " |" for line in lines[:1])
        text += "\n| " + " | ".join(rule) + " |\n"
        text += "\n".join("| " + " | ".join(_padded(line, widths)) + " |" for line in lines[1:])
        return "\n\n".join(filter(None, [f"### {self.title}", self.note, text]))


def _padded(cells: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    """The cells padded to `widths`: the first aligned left, the others right."""
    yield cells[0].ljust(widths[0])
    yield from (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))


def document(machine: dict[str, str], parts: dict[str, tuple[dict[str, Any], list[Table]]]) -> str:
    """The text of RESULTS.md: the machine; then for each part the date, commit and options of its
    record, and its tables."""
    facts = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    sections = [
        "# Results",
        "Written by `make bench`; the raw figures of every round are in `results.json`. A cell "
        "with a range shows the median over the rounds (and the minimum and maximum). Ratios are "
        "taken within each round.",
        f"| | |\n| --- | --- |\n{facts}",
    ]
    for name, (record, tables) in parts.items():
        sections.append(f"## {name}")
        sections.append(f"{record['date']}, commit {record['commit']}, {record['options']}.")
        sections += map(str, tables)
    return "\n\n".join(sections) + "\n"
