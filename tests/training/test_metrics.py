"""Measures of agreement, against closed forms, published values and scikit-learn."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, precision_recall_fscore_support

from mlptrain.training.metrics import Evaluation, wilson_interval


def evaluation(confusion: object) -> Evaluation:
    matrix = np.array(confusion, np.int64)
    return Evaluation(tuple(map(str, range(len(matrix)))), matrix, 0.5)


def test_by_hand() -> None:
    """Rows are the true classes: 4 of 5, 2 of 4 and 1 of 1 are right."""
    measured = evaluation([[4, 1, 0], [0, 2, 2], [0, 0, 1]])
    assert measured.examples == 10
    assert measured.correct == 7
    assert measured.accuracy == 0.7
    assert measured.majority_baseline == 0.5
    assert measured.support.tolist() == [5, 4, 1]
    assert measured.recall.tolist() == [4 / 5, 2 / 4, 1]
    assert measured.precision.tolist() == [4 / 4, 2 / 3, 1 / 3]
    assert measured.f1.tolist() == pytest.approx([8 / 9, 4 / 7, 1 / 2], rel=1e-15)
    assert measured.summary() == {
        "accuracy": 0.7,
        "loss": 0.5,
        "macro_precision": pytest.approx(2 / 3),
        "macro_recall": pytest.approx(23 / 30),
        "macro_f1": pytest.approx((8 / 9 + 4 / 7 + 1 / 2) / 3),
    }


def test_a_class_without_examples_stays_out_of_the_means() -> None:
    """The second is never there, but predicted; the third is there, but never predicted."""
    measured = evaluation([[3, 1, 0], [0, 0, 0], [1, 1, 0]])
    assert measured.missing_classes == ("1",)
    assert measured.means == pytest.approx(((3 / 4 + 0) / 2, (3 / 4 + 0) / 2, (6 / 8 + 0) / 2))


@pytest.mark.parametrize("trial", range(50))
def test_like_scikit_learn(trial: int) -> None:
    """Also for classes that are never predicted, or not there at all."""
    random = np.random.default_rng(trial)
    classes = int(random.integers(2, 12))
    confusion = random.integers(0, 9, (classes, classes)) * (
        random.random((classes, classes)) < 0.4
    )
    confusion[0, 0] += 1
    measured = evaluation(confusion)
    true, predicted = labels(confusion)
    expected = precision_recall_fscore_support(
        true, predicted, labels=range(classes), zero_division=0
    )
    found = (measured.precision, measured.recall, measured.f1, measured.support)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)
    assert measured.accuracy == accuracy_score(true, predicted)
    assert measured.majority_baseline == accuracy_score(
        true, np.full(len(true), np.bincount(true).argmax())
    )


def labels(confusion: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """True and predicted labels that give this matrix."""
    true, predicted = np.indices(confusion.shape).reshape(2, -1)
    counts = confusion.reshape(-1)
    return np.repeat(true, counts), np.repeat(predicted, counts)


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
