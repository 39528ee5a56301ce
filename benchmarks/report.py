"""Tables as aligned Markdown: readable in a terminal as they are, and as RESULTS.md."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """Rows of cells under a title; `note` says how to read them."""

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
    """The first cell to the left, the others to the right."""
    yield cells[0].ljust(widths[0])
    yield from (cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True))


def document(machine: dict[str, str], parts: dict[str, tuple[dict[str, Any], list[Table]]]) -> str:
    """RESULTS.md: the machine, then per part its record's circumstances and its tables."""
    facts = "\n".join(f"| {name} | {value} |" for name, value in machine.items())
    sections = [
        "# Results",
        "Written by `make bench`; the raw figures of every round are in `results.json`. Each cell "
        "with a range is the median over the rounds (and their minimum and maximum); ratios are "
        "taken within a round.",
        f"| | |\n| --- | --- |\n{facts}",
    ]
    for name, (record, tables) in parts.items():
        sections.append(f"## {name}")
        sections.append(f"{record['date']}, commit {record['commit']}, {record['options']}.")
        sections += map(str, tables)
    return "\n\n".join(sections) + "\n"
