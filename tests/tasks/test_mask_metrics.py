"""Metrics of segmentation, against scikit-learn's on the pixels that count."""

import math

import numpy as np
import pytest
from metric_cases import agree, filled, quiet
from sklearn import metrics as theirs

from mlptrain.tasks.metrics.measure import columns_for, metrics_for
from mlptrain.tasks.outcomes.masks import MaskOutcome

NAMES = ("road", "car", "sky", "tree")


def example(seed: int, *, absent: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (m, 30, 4) and classes (m, 30), a tenth of them 255."""
    random = np.random.default_rng(seed)
    targets = random.integers(0, 4, (random.integers(1, 20), 30))
    if absent is not None:
        targets[targets == absent] = (absent + 1) % 4
    outputs = random.random((*targets.shape, 4)) + 0.5 * (targets[..., None] == np.arange(4))
    outputs /= outputs.sum(axis=-1, keepdims=True)
    targets[random.random(targets.shape) < 0.1] = 255
    return outputs, targets


@pytest.mark.parametrize("absent", [None, 0, 3])
@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_like_scikit_learn(seed: int, flat: bool, absent: int | None) -> None:
    outputs, targets = example(seed, absent=absent)
    counted = targets != 255
    true, predicted = targets[counted], outputs.argmax(axis=-1)[counted]
    if flat:
        outputs = outputs.reshape(len(outputs), -1)
    outcome = filled(MaskOutcome(NAMES, ignore_index=255), outputs, targets.astype(np.uint8))
    assert outcome.examples == len(targets)
    assert (
        outcome.confusion.tolist()
        == theirs.confusion_matrix(true, predicted, labels=range(4)).tolist()
    )
    found, columns = metrics_for(outcome), columns_for(outcome)
    agree(found["pixel_accuracy"], theirs.accuracy_score(true, predicted))
    for name, measure in {"iou": theirs.jaccard_score, "f1": theirs.f1_score}.items():

        def expected(labels: object, average: str | None, measure: object = measure) -> object:
            options = {"labels": labels, "average": average, "zero_division": 0}
            return quiet(measure, true, predicted, **options)

        for index, value in enumerate(expected(range(4), None)):
            agree(columns[name][index], value)
        agree(found[f"macro_{name}"], expected(np.unique(true), "macro"))
        agree(found[f"micro_{name}"], expected(range(4), "micro"))
        agree(found[f"weighted_{name}"], expected(range(4), "weighted"))


def test_a_class_can_be_what_is_ignored() -> None:
    outputs, targets = np.eye(4)[[[0, 1, 2]]], np.array([[0, 1, 1]])
    outcome = filled(MaskOutcome(NAMES, ignore_index=0), outputs, targets)
    assert (outcome.total, outcome.correct) == (2, 1)
    assert outcome.missing == ("road", "sky", "tree")


def test_masks_of_bytes_hold_many_classes() -> None:
    """Row and column of the matrix are one number, which a byte could not hold."""
    targets = np.arange(20, dtype=np.uint8)[None]
    outcome = filled(MaskOutcome([str(index) for index in range(20)]), np.eye(20)[None], targets)
    assert outcome.correct == outcome.total == 20


def test_where_no_pixel_counts_nothing_is_defined() -> None:
    outputs, targets = np.full((2, 5, 4), 0.25), np.full((2, 5), 255)
    found = metrics_for(filled(MaskOutcome(NAMES, ignore_index=255), outputs, targets))
    assert all(map(math.isnan, found.values()))
    assert found
