"""The metric by which a run is judged, with what is needed to judge it."""

import math
from collections.abc import Sequence
from xml.etree.ElementTree import Element

from mlptrain.report.markup import element
from mlptrain.report.scale import Scale
from mlptrain.tasks.metrics.measure import value_of
from mlptrain.training.evaluated_model import EvaluatedModel

_WIDTH, _HEIGHT, _MIDDLE = 440, 74, 34


def headline(result: EvaluatedModel) -> Element:
    """The headline metric as a large number; beside it, where they are known, its interval and a
    prediction that ignores the inputs, on one line from 0 to 1."""
    name, outcome = result.task.headline, result.outcome
    value, interval, baseline = (
        value_of(name, outcome),
        outcome.interval(name),
        outcome.baseline(name),
    )
    known = [f"{result.dataset.words.count(outcome.examples)}"]
    if interval:
        known.append("95 % interval {:.3f} to {:.3f}".format(*interval))
    if baseline:
        known.append("{}: {:.3f}".format(*baseline))
    number = element("p", element("strong", shown(value)), " ", element("span", name))
    facts = element("p", " · ".join(known), class_="muted")
    drawn = _line(value, interval, baseline) if interval or baseline else None
    return element("div", element("div", number, facts), drawn, class_="headline")


def shown(value: float | None) -> str:
    """A metric for people; – where it is undefined."""
    if value is None or not math.isfinite(value):
        return "–"
    return f"{value:.4f}" if abs(value) < 1000 else f"{value:,.1f}"


def _line(
    value: float, interval: tuple[float, float] | None, baseline: tuple[str, float] | None
) -> Element:
    x = Scale(0, 1, 12, _WIDTH - 12)
    drawn: list[Element] = [_stroke("axis", x(0), x(1))]
    words: Sequence[str] = [f"{value:.3f} on a line from 0 to 1."]
    for end in (0, 1):
        place = x(end)
        drawn.append(element("text", str(end), class_="tick mid", x=place, y=_MIDDLE + 24))
    if interval:
        drawn.append(_stroke("interval", x(interval[0]), x(interval[1])))
        words = [*words, "The 95 % interval is from {:.3f} to {:.3f}.".format(*interval)]
    if baseline:
        name, place = baseline[0], x(baseline[1])
        side = "end" if baseline[1] > 0.5 else "start"
        ends = {"x1": place, "x2": place, "y1": _MIDDLE - 9, "y2": _MIDDLE + 9}
        drawn.append(element("line", class_="mark", **ends))
        drawn.append(element("text", name, class_=f"tick {side}", x=place, y=_MIDDLE - 16))
        words = [*words, "{}: {:.3f}.".format(*baseline)]
    drawn.append(element("circle", class_="dot", cx=x(value), cy=_MIDDLE, r=5))
    texts = element("title", "The metric in its range"), element("desc", " ".join(words))
    return element("svg", *texts, *drawn, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img")


def _stroke(kind: str, x1: float, x2: float) -> Element:
    return element("line", class_=kind, x1=x1, x2=x2, y1=_MIDDLE, y2=_MIDDLE)
