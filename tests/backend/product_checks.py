"""What the tests of matrix products share."""

from collections.abc import Callable, Iterator

import numpy as np

from mlptrain.backend.call import Array
from mlptrain.functions.linear import Linear, MatMul

SMALL_CACHE = 1 << 18  # bytes of L2 cache: slabs of b then have few rows


def products(
    compute: Callable[..., Array], a: Array, b: Array, row: Array, affine: Linear, product: MatMul
) -> Iterator[tuple[Array, Array | float]]:
    """a (m, k) b (k, n), by each rule that computes it, and what was added to it. `compute` takes a
    rule, m, n and arrays by name, and returns the output (m, n) of the rule's kernel."""
    m, n = len(a), len(row)
    a_columns, b_columns = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
    yield compute(affine.forward, m, n, x=a, w=b, b=row), row
    yield compute(product.forward, m, n, x=a, w=b), 0.0
    yield compute(product.gradient_x, m, n, g=a, w=b_columns), 0.0
    yield compute(product.gradient_w, m, n, x=a_columns, g=b), 0.0


def assert_product(found: Array, a: Array, b: Array, row: Array | float, roundings: int) -> None:
    """`found` is a b + row up to the rounding of the sums."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    room = roundings * np.finfo(found.dtype).eps * (np.abs(a) @ np.abs(b) + np.abs(row))
    assert (np.abs(found - (a @ b + row)) <= room).all()
