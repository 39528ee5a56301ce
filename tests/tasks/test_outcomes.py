"""What predictions come to, against closed forms and published values."""

import math

import numpy as np
import pytest
from metric_cases import LabelCase, filled, random_case

from mlptrain.tasks.metrics.measure import columns_for, metrics_for
from mlptrain.tasks.outcomes.classes import ClassOutcome, wilson_interval
from mlptrain.tasks.outcomes.numbers import NumberOutcome


def outcome(confusion: object) -> ClassOutcome:
    """One with this confusion matrix."""
    counts = np.array(confusion)
    true, predicted = np.indices(counts.shape).reshape(2, -1)
    names = tuple(map(str, range(len(counts))))
    labels = np.repeat(true, counts.ravel())
    return filled(
        ClassOutcome(names), np.eye(len(counts))[np.repeat(predicted, counts.ravel())], labels
    )


def test_by_hand() -> None:
    """Rows are the true classes: 4 of 5, 2 of 4 and 1 of 1 are right."""
    measured = outcome([[4, 1, 0], [0, 2, 2], [0, 0, 1]])
    measured.add_loss(0.25, 6)
    measured.add_loss(0.875, 4)
    assert measured.examples == measured.total == 10
    assert measured.correct == 7
    assert measured.accuracy == 0.7
    assert measured.baseline("accuracy") == ("majority class", 0.5)
    assert measured.support.tolist() == [5, 4, 1]
    columns, found = columns_for(measured), metrics_for(measured)
    assert columns["recall"].tolist() == [4 / 5, 2 / 4, 1]
    assert columns["precision"].tolist() == [4 / 4, 2 / 3, 1 / 3]
    assert columns["f1"].tolist() == pytest.approx([8 / 9, 4 / 7, 1 / 2], rel=1e-15)
    expected = {
        "loss": 0.5,
        "accuracy": 0.7,
        "macro_precision": 2 / 3,
        "macro_recall": 23 / 30,
        "macro_f1": (8 / 9 + 4 / 7 + 1 / 2) / 3,
        "micro_f1": 0.7,
        "weighted_recall": 0.7,
        "cohen_kappa": (0.7 - 0.35) / (1 - 0.35),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-14)


def test_a_class_without_examples_stays_out_of_the_means() -> None:
    """The second is never there, but predicted; the third is there, but never predicted."""
    measured = outcome([[3, 1, 0], [0, 0, 0], [1, 1, 0]])
    assert measured.missing == ("1",)
    found = metrics_for(measured)
    assert found["macro_precision"] == found["macro_recall"] == (3 / 4 + 0) / 2
    assert found["macro_f1"] == (6 / 8 + 0) / 2
    assert found["weighted_recall"] == 3 / 6


@pytest.mark.parametrize("size", [1, 3, 50, 1000])
def test_batches_make_no_difference(size: int) -> None:
    case = random_case(1, 50, 4)
    whole = metrics_for(case.outcome())
    names = [f"c{index}" for index in range(4)]
    parts = filled(ClassOutcome(names, keep_scores=True), case.scores, case.labels, size)
    np.testing.assert_equal(metrics_for(parts), whole)


def test_what_is_read_between_batches_is_not_remembered() -> None:
    case = random_case(1, 50, 4)
    measured, whole = ClassOutcome(["c0", "c1", "c2", "c3"], keep_scores=True), case.outcome()
    for first in range(0, 50, 10):
        measured.add(case.scores[first:][:10], case.labels[first:][:10])
        assert measured.examples == first + 10
        metrics_for(measured)
        columns_for(measured)
        assert measured.missing == () or first < 40
    np.testing.assert_equal(metrics_for(measured), metrics_for(whole))


def test_scores_are_kept_only_if_asked_for() -> None:
    case = random_case(1, 50, 4)
    for each in (case, LabelCase("", case.scores > 0.3, case.scores)):
        kept = each.outcome(keep_scores=False)
        sizes = [value.size for value in vars(kept).values() if isinstance(value, np.ndarray)]
        assert max(sizes) <= 16
        with pytest.raises(ValueError, match=r".*"):
            kept.column(0)


def test_the_mean_of_no_loss_is_nan() -> None:
    assert math.isnan(NumberOutcome(["y"]).loss)


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),  # Newcombe, Statistics in Medicine 17 (1998), table I
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_as_published(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson_interval(successes, trials) == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize("trials", [1, 2, 3, 10, 97, 360, 10_000])
def test_wilson_interval_stays_in_its_bounds(trials: int) -> None:
    assert wilson_interval(0, trials)[0] == 0
    assert wilson_interval(trials, trials)[1] == 1
    for successes in range(trials + 1):
        low, high = wilson_interval(successes, trials)
        assert 0 <= low <= successes / trials <= high <= 1
        mirrored = wilson_interval(trials - successes, trials)
        assert mirrored == pytest.approx((1 - high, 1 - low), abs=1e-12)
