"""An evaluation as tables for the terminal."""

from collections.abc import Iterator

import numpy as np
from rich.table import Table
from rich.text import Text

from mlptrain.cli.layout import cells
from mlptrain.tasks.metrics.measure import columns_for, value_of
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.text import show_name

COLUMNS = ("precision", "recall", "f1")
MAX_CONFUSIONS = 20


def class_table(evaluation: ClassOutcome) -> Table:
    """Precision, recall, F1 and support of each class, and the means."""
    table = Table("class", box=None, pad_edge=False, header_style="bold")
    for title in (*COLUMNS, "support"):
        table.add_column(title, justify="right", no_wrap=True)
    shares = columns_for(evaluation)
    columns = (*map(shares.__getitem__, COLUMNS), evaluation.support)
    for name, *values, support in zip(evaluation.names, *columns, strict=True):
        table.add_row(show_name(name), *(f"{value:.4f}" for value in values), f"{support}")
    means = (f"{value_of(f'macro_{name}', evaluation):.4f}" for name in COLUMNS)
    table.add_row("mean", *means, f"{evaluation.examples}", style="dim")
    return table


def confusions(evaluation: ClassOutcome, width: int) -> Iterator[Text | Table]:
    """The confusion matrix as long as it fits into `width`; then its largest entries."""
    names = [show_name(name) for name in evaluation.names]
    counts = [[str(count) if count else "·" for count in row] for row in evaluation.confusion]
    for titles in (names, [str(i + 1) for i in range(len(names))]):
        widths = [max(map(cells, column)) + 2 for column in zip(titles, *counts, strict=True)]
        labels = (
            names if titles is names else [f"{i} {n}" for i, n in zip(titles, names, strict=True)]
        )
        if max(map(cells, labels)) + sum(widths) <= width:
            yield Text("confusion: rows are the true classes, columns the predicted ones")
            yield _matrix(labels, titles, counts)
            return
    if evaluation.correct == evaluation.examples:
        yield Text("no confusions: every prediction is right")
        return
    yield Text("most frequent confusions")
    yield _largest_confusions(evaluation, names)


def _matrix(labels: list[str], titles: list[str], counts: list[list[str]]) -> Table:
    table = Table("", box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for index, (label, row) in enumerate(zip(labels, counts, strict=True)):
        styled = [Text(count, "green" if index == i else "") for i, count in enumerate(row)]
        table.add_row(label, *styled)
    return table


def _largest_confusions(evaluation: ClassOutcome, names: list[str]) -> Table:
    table = Table("true", "predicted", box=None, pad_edge=False, header_style="bold")
    table.add_column("count", justify="right")
    wrong = evaluation.confusion.copy()
    np.fill_diagonal(wrong, 0)
    for index in np.argsort(-wrong, axis=None, kind="stable")[:MAX_CONFUSIONS]:
        true, predicted = divmod(int(index), len(names))
        if wrong[true, predicted]:
            table.add_row(names[true], names[predicted], str(wrong[true, predicted]))
    return table
