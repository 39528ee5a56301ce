"""The sections on an evaluation: figures, tables and single examples."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np

from mlptrain.report.charts import histogram, reliability, scatter
from mlptrain.report.confusion import MOST_IN_TABLE, confusion
from mlptrain.report.examples import gallery
from mlptrain.report.headline import shown
from mlptrain.report.markup import element
from mlptrain.report.material import Material
from mlptrain.report.tables import facts, table
from mlptrain.tasks.figures import Calibration, Confusion, Figure, Histogram, Scatter
from mlptrain.tasks.metrics.measure import finite, metrics_for
from mlptrain.tasks.metrics.part_table import part_table
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import show_name
from mlptrain.training.evaluated_model import EvaluatedModel

_MOST_ROWS = 1000  # of a table
_BINS = 25


def result_sections(material: Material) -> Iterator[tuple[str, list[Element]]]:
    """Titles and contents."""
    result = material.result
    if result is None:
        summary = material.files.summary
        if summary and summary.test is not None:
            values = ((name, shown(value)) for name, value in summary.test.items())
            yield "Test metrics, as stored after training", [facts(values)]
        return
    figures = result.outcome.figures()
    if result.task.error_name and not any(isinstance(each, Histogram) for each in figures):
        figures += (_errors(result),)
    drawn = [each for figure in figures for each in _drawn(figure)]
    around = "beside" if isinstance(figures[0], Confusion) else "grid"
    contents = [element("div", *drawn, class_=around)]
    if result.outcome.names:
        contents.append(_part_table(result.outcome))
    metrics = finite(metrics_for(result.outcome)).items()
    contents += [element("h3", "All metrics"), facts((name, shown(v)) for name, v in metrics)]
    yield "Results", contents
    yield from _example_sections(material, result)


def _example_sections(
    material: Material, result: EvaluatedModel
) -> Iterator[tuple[str, list[Element]]]:
    spec = material.model.state.targets
    error = result.task.error_name.replace("_", " ")
    if error:
        title, order = "Largest errors", f"The largest first, by {error}."
    else:
        assert result.judged.wrong is not None
        wrong = int(np.count_nonzero(result.judged.wrong))
        title, order = "Worst mistakes", "The most confident mistakes first."
        if wrong > len(material.worst):
            order += f" {len(material.worst)} of {wrong:,}."
        if not wrong:
            order = "There are none: every prediction is right."
    examples = gallery(title, material.worst, result.dataset, spec) if material.worst else []
    yield title, [element("p", order, class_="muted"), *examples]
    if result.task.gives_pictures:
        note = "Examples at equal distances in the data."
        examples = gallery("Other examples", material.spaced, result.dataset, spec)
        yield "Other examples", [element("p", note, class_="muted"), *examples]


def _errors(result: EvaluatedModel) -> Histogram:
    """How the errors of single examples are distributed."""
    errors, name = result.judged.errors, result.task.error_name.replace("_", " ")
    edges = np.linspace(0, float(errors.max()) or 1.0, _BINS + 1)
    groups = (("examples", np.histogram(errors, edges)[0]),)
    return Histogram("Errors of single examples", name, edges, groups)


def _drawn(figure: Figure) -> list[Element]:
    match figure:
        case Confusion():
            return confusion(figure)
        case Calibration():
            return [reliability(figure)]
        case Histogram():
            return [histogram(figure)]
        case Scatter():
            return [scatter(figure)]


def _part_table(outcome: Outcome) -> Element:
    found = part_table(outcome)
    order, caption = list(range(len(outcome.names))), f"Metrics of each {outcome.part}"
    if len(order) > MOST_IN_TABLE:
        order.sort(key=lambda index: found.rows[index][-1])
        caption += f", the lowest {found.titles[-1]} first"
    if len(order) > _MOST_ROWS:
        caption += f"; {_MOST_ROWS:,} of {len(order):,}"
    titles, last = [outcome.part, *found.titles], None
    if found.support is not None:
        titles.append("support")
    rows = []
    for index in order[:_MOST_ROWS]:
        support = [] if found.support is None else [f"{found.support[index]:,}"]
        rows.append([show_name(outcome.names[index]), *map(shown, found.rows[index]), *support])
    if found.means is not None:
        means = ["" if value is None else shown(value) for value in found.means[0]]
        last = ["mean", *means, f"{found.means[1]:,}"]
    return table(caption, titles, rows, last=last)
