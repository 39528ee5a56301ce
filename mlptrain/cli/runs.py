"""The table of runs as lines that fit the terminal."""

from mlptrain.cli.layout import cells, numbers_right
from mlptrain.comparison.runs_table import RunsTable

LONGEST = 24  # columns of the terminal for one value of a config


def runs_lines(table: RunsTable, width: int) -> tuple[list[str], list[str]]:
    """The lines of the table, and the titles of the columns of the config for which `width` has no
    room: the last ones."""
    if not table.rows:
        return ["no runs"], []
    columns = table.columns()
    texts = [[title, *map(_shortened, values)] for title, values in columns]
    dropped: list[str] = []
    last = 1 + len(table.keys)
    while _width(texts) > width and last > 1:
        dropped.insert(0, texts.pop(last)[0])
        last -= 1
    return numbers_right(list(zip(*texts, strict=True))), dropped


def _width(texts: list[list[str]]) -> int:
    return sum(max(map(cells, column)) + 2 for column in texts) - 2


def _shortened(text: str) -> str:
    return text if cells(text) <= LONGEST else "…" + text[1 - LONGEST :]
