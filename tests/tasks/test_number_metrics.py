"""Metrics of regression and of pictures, against scikit-learn's and closed forms."""

import math

import numpy as np
import pytest
from metric_cases import agree, filled, quiet
from sklearn import metrics as theirs

from mlptrain.tasks.metrics.measure import columns_for, metrics_for, value_of
from mlptrain.tasks.outcomes.numbers import NumberOutcome, PictureOutcome

THEIRS = {
    "mae": theirs.mean_absolute_error,
    "mse": theirs.mean_squared_error,
    "rmse": theirs.root_mean_squared_error,
    "r2": theirs.r2_score,
}


def number_cases() -> list[object]:
    cases = []
    for seed, (n, k) in enumerate([(1, 1), (1, 3), (2, 1), (2, 4), (30, 1), (500, 6)]):
        random = np.random.default_rng(seed)
        targets = random.normal(3, 10, (n, k))
        near = targets + random.normal(size=(n, k))
        constant = np.full((n, k), 2.0)
        for what, pair in {
            "near": (near, targets),
            "perfect": (targets, targets),
            "the mean": (np.broadcast_to(targets.mean(axis=0), (n, k)), targets),
            "opposite": (-targets, targets),
            "far from 0": (near + 1e6, targets + 1e6),
            "constant targets": (near, constant),
            "constant, perfect": (constant, constant),
        }.items():
            cases.append(pytest.param(*pair, id=f"{n}×{k} {what}"))
    return cases


@pytest.mark.parametrize(("predictions", "targets"), number_cases())
def test_regression_as_in_scikit_learn(predictions: np.ndarray, targets: np.ndarray) -> None:
    names = [f"y{index}" for index in range(targets.shape[1])]
    outcome = filled(NumberOutcome(names), predictions, targets)
    found, columns = metrics_for(outcome), columns_for(outcome)
    for name, measure in THEIRS.items():
        agree(found[name], quiet(measure, targets, predictions), name)
        of_each = [quiet(measure, *pair) for pair in zip(targets.T, predictions.T, strict=True)]
        for index, expected in enumerate(of_each):
            agree(columns[name][index], expected, name)
            agree(value_of(f"{name}.y{index}", outcome), expected, name)


def test_constant_targets_have_no_spread_through_rounding() -> None:
    """The mean of three times 0.1 is not 0.1."""
    targets = np.full((3, 1), 0.1)
    assert value_of("r2", filled(NumberOutcome(["y"]), targets, targets)) == 1
    assert value_of("r2", filled(NumberOutcome(["y"]), targets + 1, targets)) == 0


def test_float32_numbers_are_measured_in_float64() -> None:
    random = np.random.default_rng(0)
    targets = random.normal(1e4, 1, (10_000, 2)).astype(np.float32)
    predictions = (targets + random.normal(size=targets.shape)).astype(np.float32)
    found = metrics_for(filled(NumberOutcome(["a", "b"]), predictions, targets))
    for name, measure in THEIRS.items():
        agree(found[name], measure(targets.astype(np.float64), predictions.astype(np.float64)))


@pytest.mark.parametrize("shape", [(1, 4), (9, 12), (30, 4, 5, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_pictures(shape: tuple[int, ...], dtype: type) -> None:
    random = np.random.default_rng(len(shape))
    targets, outputs = random.random((2, *shape)).astype(dtype)
    found = metrics_for(filled(PictureOutcome(), outputs, targets))
    errors = outputs.astype(np.float64) - targets
    agree(found["mse"], (errors**2).mean())
    agree(found["mae"], abs(errors).mean())
    agree(found["psnr"], 10 * math.log10(1 / (errors**2).mean()))
    assert set(found) == {"loss", "mae", "mse", "psnr"}


def test_psnr_by_hand() -> None:
    """An error of 0.1 everywhere is 20 dB, of 1e-6 120 dB; none at all is infinitely many."""
    zeros = np.zeros((3, 8))
    agree(value_of("psnr", filled(PictureOutcome(), zeros + 1e-6, zeros)), 120)
    agree(value_of("psnr", filled(PictureOutcome(), zeros + 0.1, zeros)), 20)
    assert value_of("psnr", filled(PictureOutcome(), zeros, zeros)) == math.inf
    assert value_of("psnr", filled(PictureOutcome(), zeros + 1, zeros)) == 0


def test_pictures_are_not_kept() -> None:
    outcome = filled(PictureOutcome(), np.zeros((70, 100)), np.ones((70, 100)))
    assert not any(isinstance(value, np.ndarray | list) for value in vars(outcome).values())
    assert outcome.examples == 70
