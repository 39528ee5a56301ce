"""Single examples: their picture, what is true and what was predicted."""

from collections.abc import Sequence
from xml.etree.ElementTree import Element

import numpy as np

from mlptrain.data.dataset import Dataset
from mlptrain.report.markup import element
from mlptrain.report.pictures import picture, thumbnail
from mlptrain.report.tables import table
from mlptrain.tasks.task import Answer, TargetSpec
from mlptrain.text import show_name, show_path
from mlptrain.training.example_results import ExampleBatch, ExampleResult


class SpacedExamples:
    """A visitor of an evaluation that keeps about `count` examples at equal distances.

    Attributes:
        found: their results.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self.found: list[ExampleResult] = []

    def __call__(self, batch: ExampleBatch) -> None:
        """Look through a batch."""
        every = max(1, len(batch.dataset) // self._count)
        own = np.arange(batch.place.start, batch.place.stop)
        rows = np.flatnonzero((own % every == 0) & (own < every * self._count))
        self.found += batch.results(rows)


def gallery(
    caption: str, results: Sequence[ExampleResult], dataset: Dataset, spec: TargetSpec
) -> list[Element]:
    """The examples with their pictures, and the names of their colours, if colours stand for
    classes; of examples without pictures, a table."""
    if dataset.inputs.dtype != np.uint8:
        titles = ("example", "true", "predicted", "error")
        rows = [
            (show_path(each.path), in_words(each.truth), in_words(each.answer), f"{each.error:.4g}")
            for each in results
        ]
        return [table(caption, titles, rows, texts=2)]
    cards = [_card(each, dataset) for each in results]
    kind = "gallery wide" if results[0].answer.picture is not None else "gallery"
    return [*_legend(results, spec), element("ul", *cards, class_=kind, aria_label=caption)]


def in_words(answer: Answer) -> str:
    """The prediction or target in a line: names, each with its number if it has one."""
    cells = list(map(show_name, answer.cells))
    if len(cells) % 2 == 0 and all(map(_is_number, cells[1::2])):
        return ", ".join(map(" ".join, zip(cells[::2], cells[1::2], strict=True)))
    return ", ".join(cells)


def _card(result: ExampleResult, dataset: Dataset) -> Element:
    image = dataset.inputs[dataset.rows[result.index]]
    texts = [("true", in_words(result.truth)), ("predicted", in_words(result.answer))]
    pictures = [_titled(thumbnail(image, f"Input {result.index}"), "input")]
    shown = (("true", result.truth), ("predicted", result.answer))
    for name, answer in shown:
        drawn = answer.picture
        if drawn is not None and not np.array_equal(drawn, image):
            pixels = thumbnail(drawn, f"{name.capitalize()} {result.index}", answer.palette)
            pictures.append(_titled(pixels, name))
    rows = [
        element("p", element("span", name, class_="key"), " ", element("bdi", text, class_="is"))
        for name, text in texts
        if text
    ]
    path = element("p", element("bdi", show_path(result.path)), class_="path")
    alone = len(pictures) == 1
    images = element("div", *(each[0] if alone else each for each in pictures), class_="pair")
    return element("li", images, *rows, path)


def _legend(results: Sequence[ExampleResult], spec: TargetSpec) -> list[Element]:
    """The colours of the classes, and of the pixels of the truth that are of no class."""
    masks = [each.truth.picture for each in results if each.truth.picture is not None]
    palette = results[0].truth.palette
    if palette is None:
        return []
    names = dict(zip(spec.values, map(show_name, spec.names), strict=True))
    found = {int(value) for mask in masks for value in np.unique(mask)}
    names |= dict.fromkeys(sorted(found - set(names)), "not counted")
    items = [
        element("li", picture(np.array([[value]], np.uint8), "", palette), name)
        for value, name in names.items()
    ]
    return [element("ul", *items, class_="legend", aria_label="Colours")]


def _titled(image: Element, title: str) -> Element:
    return element("div", image, element("span", title, class_="key"))


def _is_number(text: str) -> bool:
    try:
        float(text.removesuffix("%"))
    except ValueError:
        return False
    return True
