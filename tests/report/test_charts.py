"""Scales, and what charts draw at which place."""

import math
import re

import numpy as np
import pytest

from mlptrain.report.charts import histogram, line_chart, reliability, scatter, thinned
from mlptrain.report.drawing import spread
from mlptrain.report.markup import markup
from mlptrain.report.scale import Scale, scale, tick_label
from mlptrain.tasks.figures import Calibration, Histogram, Scatter


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (0.91, 0.99, [0.92, 0.94, 0.96, 0.98]),
        (-37, 1200, [0, 500, 1000]),
        (1, 7, [1, 2, 3, 4, 5, 6, 7]),
    ],
)
def test_ticks_are_round_and_within(low: float, high: float, ticks: list[float]) -> None:
    assert Scale(low, high, 0, 100).ticks() == pytest.approx(ticks)


@pytest.mark.parametrize("last", [2, 3, 4, 7, 30])
def test_epochs_are_whole_numbers(last: int) -> None:
    ticks = Scale(1, last, 0, 100, whole=True).ticks()
    assert ticks == [round(tick) for tick in ticks]
    assert len(ticks) > 1


def test_ticks_of_a_logarithmic_axis_are_powers() -> None:
    assert Scale(0.9, 60, 0, 1, logarithmic=True).ticks() == pytest.approx([1, 2, 5, 10, 20, 50])
    assert Scale(1e-9, 1, 0, 1, logarithmic=True).ticks() == pytest.approx(
        [1e-8, 1e-6, 1e-4, 1e-2, 1]
    )
    assert Scale(1e-3, 10, 0, 100, logarithmic=True)(0.1) == pytest.approx(50)


@pytest.mark.parametrize(
    ("value", "label"),
    [(0, "0"), (0.25, "0.25"), (-5, "-5"), (1500, "1,500"), (1e-5, "1e-5"), (2e7, "2e7")],
)
def test_labels_of_ticks(value: float, label: str) -> None:
    assert tick_label(value) == label


def test_a_scale_has_room_within_the_bounds() -> None:
    found = scale([0.5, 1.0], 0, 1, bounds=(0, 1))
    assert (found.low, found.high) == (pytest.approx(0.475), 1)
    equal = scale([3.0, 3.0], 0, 1)
    assert equal.low < 3 < equal.high
    assert scale([1e-3, 5], 0, 1, may_be_logarithmic=True).logarithmic
    assert not scale([0, 5], 0, 1, may_be_logarithmic=True).logarithmic


def test_names_at_the_ends_of_lines_do_not_overlap() -> None:
    places = spread([50, 52, 51, 230])
    assert min(abs(a - b) for i, a in enumerate(places) for b in places[:i]) >= 14
    assert max(places) <= 230


def test_a_thinned_line_keeps_its_ends_and_extremes() -> None:
    values = [math.sin(i / 50) for i in range(10_000)]
    values[4321], values[8765] = 9.0, -9.0
    kept = thinned(values)
    assert {0, 4321, 8765, 9999} <= set(kept)
    assert len(kept) <= 402
    assert thinned([1.0, None, 2.0]) == [0, 1, 2]


def test_a_line_is_interrupted_where_values_are_missing() -> None:
    page = markup(line_chart("loss", {"training": [3, 2, None, 1, 2], "validation": []}))
    assert len(re.findall("<polyline", page)) == 2
    assert "training: from 3 to 2, lowest 1 in epoch 4, highest 3 in epoch 1." in page
    assert ">validation<" not in page


def test_a_line_of_one_epoch_is_a_dot() -> None:
    page = markup(line_chart("loss", {"training": [3.0]}))
    assert "<polyline" not in page
    assert '<circle class="dot s0"' in page


@pytest.mark.parametrize("values", [[1.0, 1e308], [-1e308, 1e308], [1e308], [-1e308, 1e-300]])
def test_a_loss_of_any_size_can_be_drawn(values: list[float]) -> None:
    drawn = markup(line_chart("loss", {"": values}, bounds=(0, math.inf)))
    assert "nan" not in drawn
    assert "inf" not in drawn
    assert "nan" not in markup(line_chart("r2", {"": values}))


def test_a_reliability_diagram_says_how_many_are_right() -> None:
    counts, sums, hits = (
        np.array([0, 4, 0, 10]),
        np.array([0, 1.6, 0, 9.0]),
        np.array([0, 1, 0, 8.0]),
    )
    page = markup(reliability(Calibration(counts, sums, hits)))
    assert "4 at 40%, 25% right; 10 at 90%, 80% right" in page
    assert page.count("<rect") == 2


def test_bars_of_two_groups_go_up_and_down() -> None:
    edges = np.linspace(0, 1, 3)
    groups = (("with", np.array([1, 3])), ("without", np.array([2, 0])))
    page = markup(histogram(Histogram("Scores", "score", edges, groups, 0.5)))
    assert page.count('class="bar s0"') == 2
    assert page.count('class="bar s1"') == 1
    assert "with (n = 4)" in page
    assert ">-0.5<" not in page


def test_points_are_thinned_and_on_the_diagonal_where_they_are_right() -> None:
    true = np.arange(4000.0)
    page = markup(scatter(Scatter("t", true, true)))
    places = re.findall(r"M([\d.]+) ([\d.]+)h0", page)
    assert 1000 <= len(places) <= 1500
    assert "One in 3 of 4,000 examples" in page
    line = re.search(r'class="mark" x1="(.*?)" x2="(.*?)" y1="(.*?)" y2="(.*?)"', page)
    assert line
    x1, x2, y1, y2 = map(float, line.groups())
    for x, y in places[::100]:
        assert (float(x) - x1) / (x2 - x1) == pytest.approx((float(y) - y1) / (y2 - y1), abs=0.01)
