"""Losses against their closed forms; labels, weights, smoothing; counting what is right."""

import math
from typing import Any

import numpy as np
import pytest
from function_cases import Run, evaluate
from sklearn.neural_network._base import poisson_loss

from mlptrain.autodiff.function import functions
from mlptrain.backend.call import Array
from mlptrain.functions.losses import (
    BinaryCrossEntropy,
    CountCorrect,
    CrossEntropy,
    Loss,
    MeanSquaredError,
    Poisson,
    losses,
)

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(0, 2, (9, 4))
LABELS = RANDOM.integers(0, 4, 9)
ONE_HOT = np.eye(4)[LABELS]
EVEN = np.full(9, 1 / 9)
LOG_SOFTMAX = X - np.log(np.exp(X).sum(axis=1, keepdims=True))
EVERY = [losses[name]() for name in losses] + [CrossEntropy(label_smoothing=0.2)]


def result(loss: Loss, x: Array, targets: Array, weights: Array) -> tuple[float, Array]:
    """The loss and its gradient with respect to x."""
    run = Run(loss, {"x": x, "targets": targets, "weights": weights})
    gradient = run.gradients()["x"]
    return float(run.y.value), gradient


def test_cross_entropy_is_the_mean_of_minus_log_probabilities() -> None:
    value, gradient = result(CrossEntropy(), X, LABELS, EVEN)
    assert value == pytest.approx(-LOG_SOFTMAX[np.arange(9), LABELS].mean(), rel=1e-14)
    np.testing.assert_allclose(gradient, (np.exp(LOG_SOFTMAX) - ONE_HOT) / 9, rtol=1e-12)


@pytest.mark.parametrize("n", [2, 10, 1000])
def test_equal_logits_give_log_n(n: int) -> None:
    value = evaluate(
        CrossEntropy(), np.full((3, n), 7.0), np.array([0, 1, n - 1]), np.full(3, 1 / 3)
    )
    assert float(value) == pytest.approx(math.log(n), rel=1e-14)


def test_one_class_has_no_loss() -> None:
    value, gradient = result(CrossEntropy(), X[:, :1], np.zeros(9, np.int64), EVEN)
    assert value == 0
    assert not gradient.any()


def test_cross_entropy_with_soft_targets_is_entropy_plus_divergence() -> None:
    targets = RANDOM.dirichlet(np.ones(4), 9)
    value, _ = result(CrossEntropy(), X, targets, EVEN)
    assert value == pytest.approx(-(targets * LOG_SOFTMAX).sum(axis=1).mean(), rel=1e-13)
    entropy = -(targets * np.log(targets)).sum(axis=1).mean()
    value, gradient = result(CrossEntropy(), np.log(targets), targets, EVEN)
    assert value == pytest.approx(entropy, rel=1e-13)
    np.testing.assert_allclose(gradient, 0, atol=1e-16)


@pytest.mark.parametrize("smoothing", [0.05, 0.3, 0.9])
def test_label_smoothing(smoothing: float) -> None:
    value, _ = result(CrossEntropy(label_smoothing=smoothing), X, LABELS, EVEN)
    at_label = -LOG_SOFTMAX[np.arange(9), LABELS].mean()
    assert value == pytest.approx(
        (1 - smoothing) * at_label + smoothing * -LOG_SOFTMAX.mean(), rel=1e-13
    )
    soft = (1 - smoothing) * ONE_HOT + smoothing / 4
    assert value == pytest.approx(result(CrossEntropy(), X, soft, EVEN)[0], rel=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_of_huge_logits(dtype: Any) -> None:
    x = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, 1e4]], dtype)
    ones = np.ones(1, dtype)
    wanted = {(0, 0): 0.0, (1, 1): 2e4, (2, 0): math.log(3), (3, 2): math.log(3)}
    for (row, label), loss in wanted.items():
        value, gradient = result(CrossEntropy(), x[row : row + 1], np.array([label]), ones)
        assert value == pytest.approx(loss, rel=1e-6)
        p = np.exp(x[row] - x[row].max()) / np.exp(x[row] - x[row].max()).sum()
        np.testing.assert_allclose(gradient[0], p - np.eye(3)[label], atol=1e-7)


def test_cross_entropy_keeps_small_losses() -> None:
    """log(1 + e⁻²⁰), not 0."""
    value, _ = result(CrossEntropy(), np.array([[20.0, 0.0]]), np.array([0]), np.ones(1))
    assert value == pytest.approx(math.log1p(math.exp(-20)), rel=1e-6)


def test_binary_cross_entropy_is_the_mean_of_minus_log_probabilities() -> None:
    """Of each entry by itself, be it so or not; a target between 0 and 1 is a share of both."""
    p, some = 1 / (1 + np.exp(-X)), RANDOM.uniform(size=(9, 4))
    for targets in (ONE_HOT, np.zeros((9, 4)), np.ones((9, 4)), some):
        value, gradient = result(BinaryCrossEntropy(), X, targets, EVEN)
        terms = targets * np.log(p) + (1 - targets) * np.log(1 - p)
        assert value == pytest.approx(-terms.mean(), rel=1e-13)
        np.testing.assert_allclose(gradient, (p - targets) / 36, rtol=1e-11, atol=1e-16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_binary_cross_entropy_of_huge_logits(dtype: Any) -> None:
    for x, target, loss in ((1e4, 0, 1e4), (-1e4, 1, 1e4), (1e4, 1, 0), (-1e4, 0, 0)):
        logits, targets = np.full((1, 1), x, dtype), np.full((1, 1), target, dtype)
        value, gradient = result(BinaryCrossEntropy(), logits, targets, np.ones(1, dtype))
        assert value == loss
        assert gradient[0, 0] == (x > 0) - target


@pytest.mark.parametrize(("x", "target"), [(20.0, 1.0), (-20.0, 0.0)])
def test_binary_cross_entropy_keeps_small_losses(x: float, target: float) -> None:
    given = np.array([[x]]), np.array([[target]]), np.ones(1)
    value, _ = result(BinaryCrossEntropy(), *given)
    assert value == pytest.approx(math.log1p(math.exp(-20)), rel=1e-6)


def test_mean_squared_error() -> None:
    targets = RANDOM.normal(size=(9, 4))
    value, gradient = result(MeanSquaredError(), X, targets, EVEN)
    assert value == pytest.approx(((X - targets) ** 2).mean(), rel=1e-14)
    np.testing.assert_allclose(gradient, 2 * (X - targets) / 36, rtol=1e-13)
    assert result(MeanSquaredError(), X, X, EVEN)[0] == 0


@pytest.mark.parametrize("columns", [1, 4])
@pytest.mark.parametrize("weighted", [False, True])
def test_poisson_is_scikit_learn_s(columns: int, *, weighted: bool) -> None:
    x, targets = X[:, :columns], RANDOM.poisson(1.5, (9, columns)).astype(float)
    targets[0], targets[1] = 0, 0.25  # rates are allowed
    weights = RANDOM.uniform(size=9) if weighted else EVEN
    value, gradient = result(Poisson(), x, targets, weights / weights.sum())
    theirs = poisson_loss(targets, np.exp(x), weights)
    assert value == pytest.approx(theirs, rel=1e-13)
    each = (weights / weights.sum())[:, None]
    np.testing.assert_allclose(gradient, (np.exp(x) - targets) * each, rtol=1e-13)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_poisson_is_least_where_the_prediction_is_the_count(dtype: Any) -> None:
    targets, ones = np.array([[1.0, 2.0, 100.0]], dtype), np.ones(1, dtype)
    tolerance = 1e-4 if dtype == np.float32 else 1e-12
    value, gradient = result(Poisson(), np.log(targets), targets, ones)
    assert value == pytest.approx(0, abs=tolerance)
    np.testing.assert_allclose(gradient, 0, atol=tolerance)
    none, _ = result(Poisson(), np.full((1, 1), -80, dtype), np.zeros((1, 1), dtype), ones)
    assert none == pytest.approx(math.exp(-80), rel=1e-5)


@pytest.mark.parametrize("loss", EVERY, ids=repr)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_are_one_hot_rows(loss: Loss, dtype: Any) -> None:
    given = X.astype(dtype), EVEN.astype(dtype)
    value, gradient = result(loss, given[0], LABELS, given[1])
    other, other_gradient = result(loss, given[0], ONE_HOT.astype(dtype), given[1])
    assert value == other
    np.testing.assert_array_equal(gradient, other_gradient)


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_weights_make_a_weighted_sum(loss: Loss) -> None:
    weights = np.array([0.3, 2.0, 1.0, 0.7])[LABELS]
    each = [result(loss, X[i : i + 1], LABELS[i : i + 1], np.ones(1)) for i in range(9)]
    value, gradient = result(loss, X, LABELS, weights)
    assert value == pytest.approx(weights @ [loss for loss, _ in each], rel=1e-13)
    rows = np.concatenate([row for _, row in each]) * weights[:, None]
    np.testing.assert_allclose(gradient, rows, rtol=1e-12)


@pytest.mark.parametrize("loss", EVERY, ids=repr)
def test_rows_of_weight_zero_drop_out(loss: Loss) -> None:
    """A padded batch gives what the batch alone gives."""
    value, gradient = result(loss, X[:5], LABELS[:5], np.full(5, 0.2))
    weights = np.array([0.2] * 5 + [0.0] * 4)
    padded, large = X.copy(), 30 if isinstance(loss, Poisson) else 1e4  # eˣ is finite
    padded[5:] = [[large, -large, 0, 3]] * 4
    same, padded_gradient = result(loss, padded, LABELS, weights)
    assert same == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(padded_gradient[:5], gradient, rtol=1e-13)
    assert not padded_gradient[5:].any()


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_count_correct(batch: int) -> None:
    random = np.random.default_rng(batch)
    x, labels = random.normal(size=(batch, 5)), random.integers(0, 5, batch)
    wanted = int((x.argmax(axis=1) == labels).sum())
    assert float(evaluate(CountCorrect(), x, labels)) == wanted
    assert float(evaluate(CountCorrect(), x, x.argmax(axis=1))) == batch
    assert float(evaluate(CountCorrect(), x, (x.argmax(axis=1) + 1) % 5)) == 0


def test_count_correct_takes_the_first_of_equal_entries() -> None:
    x = np.zeros((4, 3))
    assert float(evaluate(CountCorrect(), x, np.array([0, 1, 2, 0]))) == 2


def test_every_loss_is_a_function() -> None:
    assert [functions[name] for name in losses] == list(losses.definitions())
