"""Charts as SVG: lines over epochs, bars of a histogram, points, and a reliability diagram."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from xml.etree.ElementTree import Element

import numpy as np
from numpy.typing import NDArray

from mlptrain.report.drawing import (
    BOTTOM,
    HEIGHT,
    TOP,
    Drawing,
    horizontal,
    spread,
)
from mlptrain.report.markup import element
from mlptrain.report.scale import Scale, scale, tick_label
from mlptrain.tasks.figures import Calibration, Histogram, Scatter

Series = Sequence[float | None]

_FLOOR, _CEILING = HEIGHT - BOTTOM, TOP  # of the y axis
_MOST_POINTS = 400  # of a line: more would not be seen
_MOST_DOTS = 1500


def line_chart(
    title: str,
    lines: Mapping[str, Series],
    mark: tuple[int, str] | None = None,
    bounds: tuple[float, float] | None = None,
) -> Element:
    """The values of each line, which may be empty, over the epochs from 1; `mark`: an epoch and
    what it is; `bounds`: the least and the greatest possible value. Without a greatest one, the
    axis may be logarithmic."""
    known = [value for line in lines.values() for value in line if value is not None]
    last = max(map(len, lines.values()))
    x = horizontal(1, max(last, 2), labelled=True, whole=True)
    least, most = bounds or (-np.inf, np.inf)
    is_open = bounds is not None and most == np.inf
    y = scale(known, _FLOOR, _CEILING, bounds=(least, most), may_be_logarithmic=is_open)
    drawing = Drawing(title, _in_words(lines), (x, y), "epoch", "")
    if mark is not None:
        place = x(mark[0])
        drawing.add(
            element("line", class_="mark", x1=place, x2=place, y1=_CEILING, y2=_FLOOR),
            element("text", mark[1], class_="tick mid", x=place, y=_CEILING - 8),
        )
    ends = []
    for index, (name, line) in enumerate(lines.items()):
        if known_here := [value for value in line if value is not None]:
            drawing.add(*_polylines(line, x, y, f"line s{index}"))
            ends.append((y(known_here[-1]), name, f"name s{index}"))
    for (_, name, kind), place in zip(ends, spread([end[0] for end in ends]), strict=True):
        drawing.add(element("text", name, class_=kind, x=x.end + 6, y=place + 4))
    return drawing.figure()


def histogram(figure: Histogram) -> Element:
    """Bars upward for the first group and, if there are two, downward for the second; the bars of
    a group are shares of it."""
    edges = figure.edges
    shares = [counts / max(1, counts.sum()) for _, counts in figure.groups]
    highest, mirrored = max(float(each.max()) for each in shares) or 1.0, len(shares) == 2
    low = -highest if mirrored else 0.0
    x = horizontal(float(edges[0]), float(edges[-1]))
    y = Scale(1.15 * low, 1.15 * highest, _FLOOR, _CEILING)
    words = ". ".join(_spread_in_words(name, counts, edges) for name, counts in figure.groups)
    drawing = Drawing(figure.title, words, (x, y), figure.axis, "share", mirrored=mirrored)
    for index, (share, sign) in enumerate(zip(shares, (1, -1), strict=False)):
        for first, height in zip(pairwise(edges.tolist()), share.tolist(), strict=True):
            left, right = x(first[0]), x(first[1])
            top, bottom = sorted((y(0), y(sign * height)))
            if bottom > top:
                size = {"x": left + 0.5, "y": top, "width": right - left - 1.0}
                drawing.add(element("rect", class_=f"bar s{index}", height=bottom - top, **size))
    if figure.middle is not None:
        place = x(figure.middle)
        drawing.add(element("line", class_="mark", x1=place, x2=place, y1=_CEILING, y2=_FLOOR))
    drawing.add(element("line", class_="axis", x1=x.start, x2=x.end, y1=y(0), y2=y(0)))
    for index, (name, counts) in enumerate(figure.groups):
        text, kind = f"{name} (n = {counts.sum():,})", f"name s{index}"
        if index == 0:
            drawing.add(element("text", text, class_=kind, x=x.start + 6, y=_CEILING + 12))
        else:
            drawing.add(element("text", text, class_=f"{kind} end", x=x.end - 6, y=_FLOOR - 6))
    return drawing.figure()


def scatter(figure: Scatter) -> Element:
    """Predicted over true numbers, with the diagonal where both are equal."""
    true, predicted = figure.true.astype(np.float64), figure.predicted.astype(np.float64)
    both = scale((*true.tolist(), *predicted.tolist()), _FLOOR, _CEILING)
    axes = horizontal(both.low, both.high), both
    words = (
        f"{len(true):,} examples; true from {tick_label(float(true.min()))} to "
        f"{tick_label(float(true.max()))}, predicted from {tick_label(float(predicted.min()))} to "
        f"{tick_label(float(predicted.max()))}."
    )
    drawing = Drawing(figure.title, words, axes, "true", "predicted")
    low, high = both.low, both.high
    ends = {"x1": axes[0](low), "x2": axes[0](high), "y1": both(low), "y2": both(high)}
    drawing.add(element("line", class_="mark", **ends))
    every = max(1, -(-len(true) // _MOST_DOTS))
    path = " ".join(
        f"M{axes[0](a):.1f} {both(b):.1f}h0"
        for a, b in zip(true[::every].tolist(), predicted[::every].tolist(), strict=True)
    )
    drawing.add(element("path", class_="dots s0", d=path))
    shown = f" One in {every} of {len(true):,} examples is drawn." if every > 1 else ""
    return drawing.figure(f"The dashed line: predicted as true.{shown}")


def reliability(figure: Calibration) -> Element:
    """How often predictions are right over how confident they are, with the number of each bin."""
    x, y = horizontal(0, 1), Scale(0, 1, _FLOOR, _CEILING)
    bins, words = len(figure.counts), []
    drawn: list[Element] = []
    for index, count in enumerate(figure.counts.tolist()):
        if not count:
            continue
        left, right = x(index / bins), x((index + 1) / bins)
        confidence, share = figure.confidences[index] / count, figure.hits[index] / count
        size = {"x": left + 1.0, "y": y(share), "width": right - left - 2.0}
        middle = (left + right) / 2
        drawn += [
            element("rect", class_="bar s0 pale", height=_FLOOR - y(share), **size),
            element("circle", class_="dot", cx=x(confidence), cy=y(share), r=3),
            element("text", _short(count), class_="count mid", x=middle, y=y(share) - 8),
        ]
        words.append(f"{count:,} at {confidence:.0%}, {share:.0%} right")
    title = "Confidence and how often it is right"
    description = f"Predictions by their confidence: {'; '.join(words)}."
    drawing = Drawing(title, description, (x, y), "confidence", "share that is right")
    ends = {"x1": x(0), "x2": x(1), "y1": y(0), "y2": y(1)}
    drawing.add(*drawn, element("line", class_="mark", **ends))
    return drawing.figure(
        "Bars: the share of predictions that are right, with their number. A bar below the dashed "
        "line: too confident."
    )


def thinned(values: Series, most: int = _MOST_POINTS) -> list[int]:
    """Which of the values a line through at most about `most` of them needs: the ends, and the
    least and the greatest of each stretch."""
    stretch = max(1, -(-2 * len(values) // most))
    kept = {0, len(values) - 1}
    for first in range(0, len(values), stretch):
        known = [
            i for i in range(first, min(first + stretch, len(values))) if values[i] is not None
        ]
        if known:
            kept |= {min(known, key=values.__getitem__), max(known, key=values.__getitem__)}  # type: ignore[arg-type]
        else:
            kept.add(first)
    return sorted(kept)


def _short(count: int) -> str:
    """412, 5.9k, 59k."""
    thousands = count / 1000
    return str(count) if count < 1000 else f"{thousands:.{int(thousands < 9.95)}f}k"


def _polylines(line: Series, x: Scale, y: Scale, kind: str) -> Iterator[Element]:
    """The line, in pieces where values are missing."""
    piece: list[str] = []
    for index in [*thinned(line), len(line)]:
        value = line[index] if index < len(line) else None
        if value is not None:
            piece.append(f"{x(index + 1):.1f},{y(value):.1f}")
        elif piece:
            if len(piece) == 1:
                cx, cy = piece[0].split(",")
                yield element("circle", class_=kind.replace("line", "dot"), cx=cx, cy=cy, r=3)
            else:
                yield element("polyline", class_=kind, points=" ".join(piece))
            piece = []


def _in_words(lines: Mapping[str, Series]) -> str:
    parts = []
    for name, line in lines.items():
        known = [(value, epoch) for epoch, value in enumerate(line, 1) if value is not None]
        if known:
            (low, at_low), (high, at_high) = min(known), max(known)
            parts.append(
                f"{name}: from {known[0][0]:.4g} to {known[-1][0]:.4g}, lowest {low:.4g} in epoch "
                f"{at_low}, highest {high:.4g} in epoch {at_high}."
            )
    return " ".join(parts)


def _spread_in_words(name: str, counts: NDArray[np.int64], edges: NDArray[np.float64]) -> str:
    if not counts.sum():
        return f"{name}: none"
    most = int(counts.argmax())
    ends = (tick_label(float(f"{edge:.3g}")) for edge in edges[most : most + 2])
    return f"{name}: {counts.sum():,}, most of them, {counts[most]:,}, from {' to '.join(ends)}"
