"""A confusion matrix: as a table; with many classes as a picture beside its largest entries."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from mlptrain.report.markup import element
from mlptrain.report.pictures import picture
from mlptrain.report.tables import scrolling, table
from mlptrain.tasks.figures import Confusion
from mlptrain.text import show_name

MOST_IN_TABLE = 40  # classes
MOST_PAIRS = 50
_SHADES = 8  # of a table's cells, see style.css
_LEVELS = 32  # of a picture's pixels
_SIDE = 250  # pixels of a picture, at most
_WHITE, _RIGHT, _WRONG = (np.array(c) for c in ((255, 255, 255), (24, 78, 160), (178, 63, 8)))
_LONGEST = 24  # characters of a name above a column


def confusion(figure: Confusion) -> list[Element]:
    """The matrix, and the pairs of classes that are confused most often."""
    pairs = list(_pairs(figure))
    caption = f"Most frequent confusions, in {figure.things}"
    if len(pairs) > MOST_PAIRS:
        caption += f": {MOST_PAIRS} of {len(pairs):,} pairs of classes"
    titles = ("true", "predicted", "count", "of the class")
    if len(figure.names) <= MOST_IN_TABLE:
        return [_as_table(figure)]
    found = [table(caption, titles, pairs[:MOST_PAIRS], texts=1)] if pairs else []
    return [_as_picture(figure), *found]


def _pairs(figure: Confusion) -> Iterator[tuple[str, ...]]:
    wrong = figure.counts.copy()
    np.fill_diagonal(wrong, 0)
    true, predicted = np.nonzero(wrong)
    counts, support = wrong[true, predicted], figure.counts.sum(axis=1)[true]
    for index in np.argsort(-counts, kind="stable").tolist():
        names = (show_name(figure.names[each[index]]) for each in (true, predicted))
        yield (*names, f"{counts[index]:,}", f"{counts[index] / support[index]:.1%}")


def _shares(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The root of each count's share of its row, so that single confusions are seen."""
    return np.asarray(np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)))


def _as_table(figure: Confusion) -> Element:
    names = list(map(show_name, figure.names))
    shades = np.ceil(_shares(figure.counts) * _SHADES).astype(int)
    head = [element("th", element("span", _short(name)), scope="col") for name in names]
    rows = []
    for true, name in enumerate(names):
        cells = []
        for predicted, count in enumerate(figure.counts[true].tolist()):
            kind = f"{'right' if true == predicted else 'wrong'} q{shades[true, predicted]}"
            cells.append(element("td", f"{count:,}" if count else "·", class_=kind))
        rows.append(element("tr", element("th", name, scope="row"), *cells))
    caption = (
        f"Confusion matrix, in {figure.things}. Rows: the true class. Columns: the predicted one."
    )
    kind = "confusion" if max(map(len, names)) <= 3 else "confusion upright"
    corner = element("td", class_="corner")
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", corner, *head)),
        element("tbody", *rows),
        class_=kind,
    )
    return scrolling("Confusion matrix", made)


def _as_picture(figure: Confusion) -> Element:
    shares, every = _pooled(_shares(figure.counts))
    levels = np.ceil(shares * (_LEVELS - 1)).astype(np.uint8)
    is_right = np.eye(len(levels), dtype=bool)
    pixels = np.where(is_right | (levels == 0), levels, levels + _LEVELS).astype(np.uint8)
    mix = np.linspace(0.15, 1, _LEVELS)[:, None]
    mix[0] = 0
    palette = np.concatenate([_WHITE + mix * (to - _WHITE) for to in (_RIGHT, _WRONG)])
    right, total = int(np.trace(figure.counts)), int(figure.counts.sum())
    text = (
        f"The confusion matrix of {len(figure.names):,} classes: {right:,} of {total:,} "
        f"{figure.things} are on the diagonal. The most frequent confusions are in a table."
    )
    image = picture(pixels, text, palette.astype(np.uint8))
    image.set("class", "matrix")
    caption = (
        "Confusion matrix. Rows: the true class. Columns: the predicted one. Blue: right. Orange: "
        "confused."
    )
    if every > 1:
        caption += f" A pixel: the most of {every} × {every} classes."
    return element("figure", image, element("figcaption", caption))


def _pooled(shares: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """The largest of each square of shares, so that no more than _SIDE squares are side by side,
    and how many shares are side by side in each."""
    every = -(-len(shares) // _SIDE)
    padded = np.pad(shares, (0, -len(shares) % every))
    side = len(padded) // every
    return padded.reshape(side, every, side, every).max(axis=(1, 3)), every


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"
