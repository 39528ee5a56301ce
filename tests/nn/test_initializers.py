"""Initializers by mean, variance, bounds and the shape of the distribution."""

import numpy as np
import pytest

from mlptrain.nn.initializers import initializers

SHAPE = (400, 600)  # fan_in 400, fan_out 600, average 500
N = 400 * 600

VARIANCE = {
    "he_normal": 2 / 400,
    "he_uniform": 2 / 400,
    "glorot_normal": 2 / (400 + 600),
    "glorot_uniform": 2 / (400 + 600),
    "lecun_normal": 1 / 400,
    "lecun_uniform": 1 / 400,
}
KURTOSIS = {"normal": 3.0, "uniform": 1.8}


def sample(name: str, seed: int = 0, shape: tuple[int, int] = SHAPE) -> np.ndarray:
    return initializers[name]().sample(np.random.default_rng(seed), shape)


def test_every_initializer_is_tested() -> None:
    assert set(initializers) == {*VARIANCE, "zeros"}


@pytest.mark.parametrize("name", VARIANCE)
@pytest.mark.parametrize("seed", range(3))
def test_mean_and_variance(name: str, seed: int) -> None:
    """Within five standard errors."""
    values, variance = sample(name, seed), VARIANCE[name]
    kurtosis = KURTOSIS[name.rpartition("_")[2]]
    assert values.shape == SHAPE
    assert values.dtype == np.float64
    assert abs(values.mean()) < 5 * np.sqrt(variance / N)
    assert abs(values.var() / variance - 1) < 5 * np.sqrt((kurtosis - 1) / N)
    assert (values**4).mean() / variance**2 == pytest.approx(kurtosis, rel=0.03)


@pytest.mark.parametrize("name", [name for name in VARIANCE if name.endswith("uniform")])
def test_uniform_bounds_are_reached_and_kept(name: str) -> None:
    limit = np.sqrt(3 * VARIANCE[name])
    values = sample(name)
    assert 0.9999 * limit < values.max() <= limit
    assert -limit <= values.min() < -0.9999 * limit


@pytest.mark.parametrize("name", VARIANCE)
def test_entries_are_independent_of_their_place(name: str) -> None:
    """Rows and columns have the same variance, and neighbours do not correlate."""
    values = sample(name) / np.sqrt(VARIANCE[name])
    assert abs(values.var(axis=0) - 1).max() < 6 * np.sqrt(2 / 400)
    assert abs(values.var(axis=1) - 1).max() < 6 * np.sqrt(2 / 600)
    assert abs((values[:, 1:] * values[:, :-1]).mean()) < 5 / np.sqrt(N)
    assert abs((values[1:] * values[:-1]).mean()) < 5 / np.sqrt(N)


@pytest.mark.parametrize("name", VARIANCE)
def test_the_same_seed_gives_the_same_kernel(name: str) -> None:
    np.testing.assert_array_equal(sample(name, 1), sample(name, 1))
    assert not np.isclose(sample(name, 1), sample(name, 2)).all()


@pytest.mark.parametrize("name", list(initializers))
@pytest.mark.parametrize("shape", [(1, 1), (1, 3), (3, 1)])
def test_the_smallest_kernels(name: str, shape: tuple[int, int]) -> None:
    values = sample(name, 0, shape)
    assert values.shape == shape
    assert np.isfinite(values).all()


def test_zeros() -> None:
    assert not sample("zeros").any()
