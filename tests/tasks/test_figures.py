"""What outcomes offer to be drawn."""

import numpy as np
import pytest

from mlptrain.tasks.figures import Calibration, Confusion, Histogram, Scatter
from mlptrain.tasks.outcomes.classes import ClassOutcome
from mlptrain.tasks.outcomes.labels import LabelOutcome
from mlptrain.tasks.outcomes.masks import MaskOutcome
from mlptrain.tasks.outcomes.numbers import NumberOutcome


def test_a_classifier_offers_its_confusion_matrix_and_its_calibration() -> None:
    outcome = ClassOutcome(("a", "b"), keep_scores=True)
    scores = np.array([[0.9, 0.1], [0.95, 0.05], [0.4, 0.6], [0.0, 1.0]])
    outcome.add(scores, np.array([0, 1, 1, 1]))
    confusion, calibration = outcome.figures()
    assert isinstance(confusion, Confusion)
    assert confusion.counts.tolist() == [[1, 0], [1, 2]]
    assert isinstance(calibration, Calibration)
    assert calibration.counts.tolist() == [0] * 8 + [1, 0, 0, 0, 0, 1, 2]
    assert calibration.hits.tolist() == [0] * 8 + [1, 0, 0, 0, 0, 1, 1]
    assert calibration.confidences[[8, 13, 14]] == pytest.approx([0.6, 0.9, 1.95])


def test_without_scores_there_is_no_calibration() -> None:
    outcome = ClassOutcome(("a", "b"))
    outcome.add(np.eye(2), np.array([0, 1]))
    assert [type(each) for each in outcome.figures()] == [Confusion]


def test_labels_offer_the_probabilities_of_the_most_frequent() -> None:
    outcome = LabelOutcome([f"n{i}" for i in range(14)], keep_scores=True)
    scores, truth = np.full((10, 14), 0.22), np.zeros((10, 14))
    truth[:, 1:13] = 1
    truth[:4, 13] = 1
    scores[:4, 13] = 0.97
    outcome.add(scores, truth)
    figures = [each for each in outcome.figures() if isinstance(each, Histogram)]
    assert len(figures) == 12
    assert {each.title for each in figures} == {f"Probabilities of n{i}" for i in range(1, 13)}
    outcome.add(np.full((9, 14), 0.97), np.eye(14)[[13] * 9])
    last = outcome.figures()[-1]
    assert isinstance(last, Histogram)
    assert last.title == "Probabilities of n13"
    (_, those_with), (_, those_without) = last.groups
    assert (int(those_with[19]), int(those_with.sum())) == (13, 13)
    assert (int(those_without[4]), int(those_without.sum())) == (6, 6)


def test_numbers_offer_points_and_errors_around_zero() -> None:
    outcome = NumberOutcome(("a\n", "b"))
    outcome.add(np.array([[1.0, 0], [2, 0]]), np.array([[1.0, 0], [4, 0]]))
    points, errors, _, exact = outcome.figures()
    assert isinstance(points, Scatter)
    assert points.title == r"a\n, predicted and true"
    assert (points.true.tolist(), points.predicted.tolist()) == ([1, 4], [1, 2])
    assert isinstance(errors, Histogram)
    assert (errors.edges[0], errors.edges[-1], errors.middle) == (-2, 2, 0)
    assert errors.groups[0][1].nonzero()[0].tolist() == [0, 12]
    assert isinstance(exact, Histogram)
    assert exact.groups[0][1].sum() == 2


def test_masks_offer_the_confusion_of_their_pixels() -> None:
    outcome = MaskOutcome(("a", "b"), 255)
    outcome.add(np.array([[[1.0, 0], [0, 1], [0, 1]]]), np.array([[0, 0, 255]]))
    (confusion,) = outcome.figures()
    assert isinstance(confusion, Confusion)
    assert (confusion.counts.tolist(), confusion.things) == ([[1, 1], [0, 0]], "pixels")
