"""An evaluation as tables for the terminal."""

from collections.abc import Iterator, Sequence

import numpy as np
from rich.table import Table
from rich.text import Text

from mlptrain.cli.layout import aligned, cells, score
from mlptrain.tasks.metrics.measure import summary_names, value_of
from mlptrain.tasks.metrics.part_table import part_table
from mlptrain.tasks.outcomes.decisions import ConfusionOutcome
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.tasks.task import Task
from mlptrain.text import show_name, show_path
from mlptrain.training.example_results import ExampleResult

MAX_CONFUSIONS = 20


def headline(name: str, outcome: Outcome) -> list[str]:
    """The metric `name` with what is needed to judge it, in parts."""
    value, known = score(value_of(name, outcome)), [f"n = {outcome.examples}"]
    if interval := outcome.interval(name):
        known.insert(0, "95 % interval {:.3f}-{:.3f}".format(*interval))
    parts = [f"{value} ({', '.join(known)})"]
    if baseline := outcome.baseline(name):
        parts.append("{} {:.3f}".format(*baseline))
    return parts


def further_metrics(outcome: Outcome, headline: str) -> list[str]:
    """The other single numbers worth a line, each with its name."""
    names = [name for name in summary_names(type(outcome)) if name != headline]
    return [f"{name} {score(value_of(name, outcome))}" for name in names]


def names_table(outcome: Outcome) -> Table:
    """A row of metrics for each of the outcome's names; for decisions, also their means."""
    found = part_table(outcome)
    table = Table(outcome.part, box=None, pad_edge=False, header_style="bold")
    for title in (*found.titles, *(["support"] if found.support is not None else [])):
        table.add_column(title, justify="right", no_wrap=True)
    for index, name in enumerate(outcome.names):
        support = [] if found.support is None else [f"{found.support[index]}"]
        table.add_row(show_name(name), *map(score, found.rows[index]), *support)
    if found.means is not None:
        means = ["" if value is None else score(value) for value in found.means[0]]
        table.add_row("mean", *means, f"{found.means[1]}", style="dim")
    return table


def confusions(outcome: ConfusionOutcome, width: int) -> Iterator[Text | Table]:
    """The confusion matrix if it fits into `width`, else its largest entries."""
    names = [show_name(name) for name in outcome.names]
    counts = [[str(count) if count else "·" for count in row] for row in outcome.confusion]
    for titles in (names, [str(i + 1) for i in range(len(names))]):
        widths = [max(map(cells, column)) + 2 for column in zip(titles, *counts, strict=True)]
        labels = (
            names if titles is names else [f"{i} {n}" for i, n in zip(titles, names, strict=True)]
        )
        if max(map(cells, labels)) + sum(widths) <= width:
            yield Text("confusion: rows are the true classes, columns the predicted ones")
            yield _matrix(labels, titles, counts)
            return
    if outcome.correct == outcome.total:
        yield Text("no confusions: every prediction is right")
        return
    yield Text("most frequent confusions")
    yield _largest_confusions(outcome, names)


def worst_examples(task: Task, found: Sequence[ExampleResult]) -> list[str]:
    """Lines that show what of the worst examples is wrong, or, without right and wrong, all of
    them; none if there are none. Masks and images are not spelled out."""
    rows = []
    for each in found:
        said = [" ".join(each.truth.cells), " ".join(each.answer.cells)]
        error = [f"{each.error:.4g}"] if task.error_name else []
        if each.is_wrong is not False:
            shown = ([] if task.gives_pictures else said) + error
            rows.append([show_path(each.path), *map(show_name, shown)])
    titles = ([] if task.gives_pictures else ["true", "predicted"]) + [task.error_name]
    header = ["largest errors" if task.error_name else "worst mistakes", *filter(None, titles)]
    return aligned([header, *rows]) if rows else []


def _matrix(labels: list[str], titles: list[str], counts: list[list[str]]) -> Table:
    table = Table("", box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for index, (label, row) in enumerate(zip(labels, counts, strict=True)):
        styled = [Text(count, "green" if index == i else "") for i, count in enumerate(row)]
        table.add_row(label, *styled)
    return table


def _largest_confusions(outcome: ConfusionOutcome, names: list[str]) -> Table:
    table = Table("true", "predicted", box=None, pad_edge=False, header_style="bold")
    table.add_column("count", justify="right")
    wrong = outcome.confusion.copy()
    np.fill_diagonal(wrong, 0)
    for index in np.argsort(-wrong, axis=None, kind="stable")[:MAX_CONFUSIONS]:
        true, predicted = divmod(int(index), len(names))
        if wrong[true, predicted]:
            table.add_row(names[true], names[predicted], str(wrong[true, predicted]))
    return table
