"""The norm of a gradient whatever its size, and clipping to it."""

import math
from typing import Any

import numpy as np
import pytest

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array
from mlptrain.optim.gradients import PART, GradientNorm
from mlptrain.training.machine import choose_backend

QUIET = choose_backend().quiet


def gradient_norm(g: Array) -> tuple[GradientNorm, Array]:
    """The norm of a copy of g, and that copy."""
    arena = Arena({"b": g.shape}, g.dtype, choose_backend())
    arena.gradients[...] = g
    return GradientNorm(arena), arena.gradients


def norm(g: Array) -> float:
    with QUIET():
        return gradient_norm(g)[0].measure()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_norm(dtype: Any) -> None:
    assert norm(np.array([3, -4], dtype)) == 5
    assert norm(np.zeros(7, dtype)) == 0
    g = np.random.default_rng(0).normal(size=10_001).astype(dtype)
    exact = math.sqrt(math.fsum(float(each) ** 2 for each in g))
    assert norm(g) == pytest.approx(exact, rel=1e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize(("dtype", "size"), [(np.float32, 1e30), (np.float64, 1e200)])
def test_squares_that_overflow(dtype: Any, size: float) -> None:
    g = np.array([3 * size, -4 * size, 0], dtype)
    assert norm(g) == pytest.approx(5 * size, rel=1e-6)
    largest = np.full(1000, np.finfo(dtype).max, dtype)
    wanted = float(np.finfo(dtype).max) * math.sqrt(1000) if dtype == np.float32 else math.inf
    assert norm(largest) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("place", [0, 5, 9])
def test_what_is_not_finite_shows(dtype: Any, place: int) -> None:
    for bad in (np.inf, -np.inf):
        g = np.ones(10, dtype)
        g[place] = bad
        assert norm(g) == math.inf
    g = np.full(10, 1e30, dtype)
    g[place] = np.nan
    assert math.isnan(norm(g))
    g[(place + 1) % 10] = np.inf
    assert not math.isfinite(norm(g))


@pytest.mark.parametrize("size", [1, PART - 1, PART, PART + 1, 3 * PART + 5])
def test_norm_of_many_parts(size: int) -> None:
    g = np.random.default_rng(size).normal(size=size).astype(np.float32)
    exact = math.sqrt(math.fsum(float(each) ** 2 for each in g))
    assert norm(g) == pytest.approx(exact, rel=1e-5)


def test_norm_leaves_the_gradient_alone() -> None:
    measured, g = gradient_norm(np.array([1e30, 2e30], np.float32))
    with QUIET():
        measured.measure()
    assert g.tolist() == np.array([1e30, 2e30], np.float32).tolist()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_clip_shortens_to_the_limit_and_keeps_the_direction(dtype: Any) -> None:
    before = np.random.default_rng(0).normal(size=1000).astype(dtype)
    measured, g = gradient_norm(before)
    with QUIET():
        measured.clip(2.5)
    assert measured.measure() == pytest.approx(2.5, rel=1e-6)
    np.testing.assert_allclose(g, before * (2.5 / norm(before)), rtol=1e-6)
    assert g.dtype == dtype


@pytest.mark.parametrize("limit", [5.0, 5.5, 1e9])
def test_clip_leaves_what_is_not_longer(limit: float) -> None:
    measured, g = gradient_norm(np.array([3.0, 4.0]))
    with QUIET():
        measured.clip(limit)
    assert g.tolist() == [3.0, 4.0]


def test_clip_of_huge_gradients() -> None:
    measured, g = gradient_norm(np.array([3e30, -4e30], np.float32))
    with QUIET():
        measured.clip(1.0)
    np.testing.assert_allclose(g, [0.6, -0.8], rtol=1e-6)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_clip_leaves_what_is_not_finite(bad: float) -> None:
    measured, g = gradient_norm(np.array([3.0, bad], np.float32))
    with QUIET():
        measured.clip(1.0)
    np.testing.assert_array_equal(g, np.array([3.0, bad], np.float32))
