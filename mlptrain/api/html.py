"""Tables for notebooks. Names are data, so everything is escaped."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from mlptrain.text import printable

MOST_ROWS = 20


def table(titles: Sequence[str], rows: Iterable[Sequence[Any]], caption: str = "") -> str:
    """An HTML table; numbers are flush right."""
    head = "".join(f"<th>{_text(title)}</th>" for title in titles)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    above = f"<caption>{_text(caption)}</caption>" if caption else ""
    return f"<table>{above}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def records_table(records: Sequence[Mapping[str, Any]], caption: str = "") -> str:
    """A table with a row per record and a column per key; of more than MOST_ROWS records, the first
    and the last."""
    titles = list(dict.fromkeys(key for record in records[:MOST_ROWS] for key in record))
    rows = [[record.get(title) for title in titles] for record in records]
    if len(rows) > MOST_ROWS:
        half = MOST_ROWS // 2
        rows[half:-half] = [[f"… {len(rows) - 2 * half:,} more"]]
    return table(titles, rows, caption)


def notes_list(notes: Iterable[str]) -> str:
    """The notes as a list; nothing without any."""
    items = "".join(f"<li>{_text(note)}</li>" for note in notes)
    return f"<ul>{items}</ul>" if items else ""


def shown(value: Any) -> str:
    """A value of a record for people."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def _cell(value: Any) -> str:
    align = ' style="text-align: right"' if isinstance(value, int | float) else ""
    return f"<td{align}>{_text(shown(value))}</td>"


def _text(text: str) -> str:
    return escape(printable(text))
