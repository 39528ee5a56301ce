"""Clipping: to the limit, in the same direction, for gradients of any size."""

import math
from typing import Any

import numpy as np
import pytest
from stepping import clip

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array
from mlptrain.backend.choice import choose_backend
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.optim.clipping import PART

BACKENDS = {backend.kernels: backend for backend in (NumpyBackend(), choose_backend())}
every_backend = pytest.mark.parametrize("kernels", BACKENDS)


def clipped(g: Array, limit: float, kernels: str) -> Array:
    """A copy of g, clipped."""
    backend = BACKENDS[kernels]
    backend.use_threads(2)
    arena = Arena({"b": g.shape}, g.dtype, backend)
    arena.gradients[...] = g
    clip(arena, limit)
    return arena.gradients


def norm(g: Array) -> float:
    return math.sqrt(math.fsum(float(each) ** 2 for each in g))


@every_backend
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1, 1000, PART - 1, PART, PART + 1, 3 * PART + 5])
def test_longer_gradients_are_scaled_to_the_limit(dtype: Any, size: int, kernels: str) -> None:
    before = np.random.default_rng(size).normal(size=size).astype(dtype)
    limit = norm(before) / 3
    after = clipped(before, limit, kernels)
    assert after.dtype == dtype
    assert norm(after) == pytest.approx(limit, rel=1e-6)
    np.testing.assert_allclose(after, before / 3, rtol=1e-5)


@every_backend
@pytest.mark.parametrize("limit", [5.0, 5.5, 1e9])
def test_shorter_gradients_are_unchanged(limit: float, kernels: str) -> None:
    assert clipped(np.array([3.0, 4.0], np.float32), limit, kernels).tolist() == [3.0, 4.0]


@every_backend
@pytest.mark.parametrize("size", [2, 300])
def test_squares_that_overflow_float32(size: int, kernels: str) -> None:
    g = np.resize(np.array([3e30, -4e30], np.float32), size)
    np.testing.assert_allclose(clipped(g, 1.0, kernels), g / norm(g), rtol=1e-6)


@every_backend
@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("size", [2, 300])
def test_non_finite_gradients_are_unchanged(bad: float, size: int, kernels: str) -> None:
    g = np.resize(np.array([3.0, bad], np.float32), size)
    np.testing.assert_array_equal(clipped(g, 1.0, kernels), g)
