"""Matrix products by tiles, where they are available, and by the BLAS."""

from collections.abc import Iterator

import numpy as np
import pytest
from compiled_backend import compiled_backend, on_threads

from mlptrain.backend.call import Array, Call
from mlptrain.backend.compiled import _library
from mlptrain.functions.linear import Linear, MatMul

compiled_backend()  # skips this module if there are no kernels

# (rows, columns, inner): with partial tiles and panels, and on both sides of the size from which
# tiles are used
SHAPES = [
    *((128, 96, 98), (131, 77, 113), (8, 330, 401), (7, 330, 501), (257, 63, 70), (9, 16, 7001)),
    *((12, 32, 2700), (65, 9, 2001), (1100, 31, 33), (60, 403, 100), (48, 64, 90), (33, 40, 203)),
    *((65, 1, 16_001), (33, 40, 17), (1, 1, 1), (13, 1100, 90), (21, 530, 400)),
    *((33, 256, 384), (34, 257, 385), (33, 512, 512), (34, 513, 513), (25, 33, 1025)),
    (205, 1041, 530),
]
SMALL_CACHE = 1 << 18  # bytes of L2 cache: slabs of b then have 64 rows


@pytest.fixture(
    params=[(False, 0), (True, 0), (True, SMALL_CACHE)], ids=["blas", "tiles", "small cache"]
)
def by_tiles(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether tiles compute the products; skips if the processor or the compiler lacks them."""
    wanted, second_cache = request.param
    library = _library()
    before = library.use_tiles(True, 0)
    if library.use_tiles(wanted, second_cache) != wanted:
        pytest.skip("no tiles here")
    yield wanted
    library.use_tiles(before, 0)


def operands(m: int, n: int, k: int) -> tuple[Array, Array, Array]:
    random = np.random.default_rng([m, n, k])
    return (
        random.standard_normal((m, k), np.float32),
        random.standard_normal((k, n), np.float32),
        random.standard_normal(n, np.float32),
    )


def computed(rule: object, m: int, n: int, threads: int = 1, **arrays: Array) -> Array:
    """The output (m, n) of the rule's kernel, which must not write outside it."""
    room = np.full((m + 2, n), 7, next(iter(arrays.values())).dtype)
    out = room[1:-1]
    compiled_backend(threads).bind([Call(rule, out, arrays)])()  # type: ignore[arg-type]
    assert (room[[0, -1]] == 7).all()
    return out


def assert_product(found: Array, a: Array, b: Array, row: Array | float = 0.0) -> None:
    """`found` is a b + row up to the rounding of the sums."""
    exact = a.astype(np.float64) @ b + row
    room = 8 * np.finfo(found.dtype).eps * (np.abs(a) @ np.abs(b) + np.abs(row))
    assert (np.abs(found - exact) <= room).all()


@pytest.mark.usefixtures("by_tiles")
@pytest.mark.parametrize("threads", on_threads(1, 2, 3))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_three_products(shape: tuple[int, int, int], threads: int) -> None:
    assert_all_three(operands(*shape), threads)


@pytest.mark.parametrize("threads", on_threads(1, 2, 3))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_three_products_in_float64(shape: tuple[int, int, int], threads: int) -> None:
    a, b, row = operands(*shape)
    assert_all_three((a.astype(float), b.astype(float), row.astype(float)), threads)


def assert_all_three(factors: tuple[Array, Array, Array], threads: int) -> None:
    a, b, row = factors
    m, n = len(a), len(row)
    assert_product(computed(Linear().forward, m, n, threads, x=a, w=b, b=row), a, b, row)
    assert_product(computed(MatMul().forward, m, n, threads, x=a, w=b), a, b)
    a_columns, b_columns = np.ascontiguousarray(a.T), np.ascontiguousarray(b.T)
    assert_product(computed(MatMul().gradient_x, m, n, threads, g=a, w=b_columns), a, b)
    assert_product(computed(MatMul().gradient_w, m, n, threads, x=a_columns, g=b), a, b)


@pytest.mark.usefixtures("by_tiles")
def test_nan_and_infinity_propagate() -> None:
    a, b, row = operands(130, 100, 90)
    a[3, 5], a[129, 89], b[7, 99] = np.nan, np.inf, -np.inf
    found = computed(Linear().forward, 130, 100, x=a, w=b, b=row)
    with np.errstate(invalid="ignore"):
        wanted = a @ b + row
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_array_equal(np.isposinf(found), np.isposinf(wanted))


def test_tiles_compute_a_row_alike_at_any_position(by_tiles: bool) -> None:
    if not by_tiles:
        pytest.skip("the BLAS does not promise this")
    a, b, row = operands(131, 100, 90)
    order = np.random.default_rng(0).permutation(131)
    found = computed(Linear().forward, 131, 100, x=a, w=b, b=row)
    moved = computed(Linear().forward, 131, 100, x=a[order], w=b, b=row)
    np.testing.assert_array_equal(moved, found[order])
