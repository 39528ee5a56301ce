"""The norm of a gradient whatever its size, and clipping to it."""

import math
from typing import Any

import numpy as np
import pytest

from mlptrain.optim.gradients import clip, norm


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norm(dtype: Any) -> None:
    assert norm(np, np.array([3, -4], dtype)) == 5
    assert norm(np, np.zeros(7, dtype)) == 0
    g = np.random.default_rng(0).normal(size=10_001).astype(dtype)
    exact = math.sqrt(math.fsum(float(each) ** 2 for each in g))
    assert norm(np, g) == pytest.approx(exact, rel=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float64, 1e200)])
def test_squares_that_overflow(dtype: Any, size: float) -> None:
    g = np.array([3 * size, -4 * size, 0], dtype)
    assert norm(np, g) == pytest.approx(5 * size, rel=1e-6)
    largest = np.full(1000, np.finfo(dtype).max, dtype)
    wanted = float(np.finfo(dtype).max) * math.sqrt(1000) if dtype == np.float32 else math.inf
    assert norm(np, largest) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("place", [0, 5, 9])
def test_what_is_not_finite_shows(dtype: Any, place: int) -> None:
    for bad in (np.inf, -np.inf):
        g = np.ones(10, dtype)
        g[place] = bad
        assert norm(np, g) == math.inf
    g = np.full(10, 1e30, dtype)
    g[place] = np.nan
    assert math.isnan(norm(np, g))
    g[(place + 1) % 10] = np.inf
    assert not math.isfinite(norm(np, g))


def test_norm_leaves_the_gradient_alone() -> None:
    g = np.array([1e30, 2e30], np.float32)
    norm(np, g)
    assert g.tolist() == np.array([1e30, 2e30], np.float32).tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip_shortens_to_the_limit_and_keeps_the_direction(dtype: Any) -> None:
    g = np.random.default_rng(0).normal(size=1000).astype(dtype)
    before = g.copy()
    clip(np, g, norm(np, g), 2.5)
    assert norm(np, g) == pytest.approx(2.5, rel=1e-6)
    np.testing.assert_allclose(g, before * (2.5 / norm(np, before)), rtol=1e-6)
    assert g.dtype == dtype


@pytest.mark.parametrize("limit", [5.0, 5.5, 1e9])
def test_clip_leaves_what_is_not_longer(limit: float) -> None:
    g = np.array([3.0, 4.0])
    clip(np, g, 5.0, limit)
    assert g.tolist() == [3.0, 4.0]


def test_clip_of_huge_gradients() -> None:
    g = np.array([3e30, -4e30], np.float32)
    clip(np, g, norm(np, g), 1.0)
    np.testing.assert_allclose(g, [0.6, -0.8], rtol=1e-6)
