"""Φ within the error its docstring names."""

import math
from typing import Any

import numpy as np
import pytest

from mlptrain.backend.call import Array
from mlptrain.functions.normal import normal_cdf


def cdf(x: Array) -> Array:
    out, z, t = (np.full_like(x, np.nan) for _ in range(3))
    normal_cdf(np, out, x, z, t)
    return out


@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-14), (np.float32, 5e-7)])
def test_the_absolute_error(dtype: Any, bound: float) -> None:
    x = np.linspace(-14, 14, 40_001).astype(dtype)
    wanted = np.array([math.erfc(-each / math.sqrt(2)) / 2 for each in x.tolist()])
    assert abs(cdf(x) - wanted).max() < bound


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_range_and_ends(dtype: Any) -> None:
    x = np.array([-np.inf, -1e4, -40, 0, 40, 1e4, np.inf], dtype)
    np.testing.assert_allclose(cdf(x), [0, 0, 0, 0.5, 1, 1, 1], atol=5e-7)
    y = cdf(np.linspace(-14, 14, 40_001).astype(dtype))
    assert y.min() >= 0
    assert y.max() <= 1
