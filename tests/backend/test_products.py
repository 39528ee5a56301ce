"""Matrix products without zeros, by tiles, where these are available, and by the BLAS."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import pytest
from compiled_backend import compiled_backend, on_threads
from fenced import fenced
from product_checks import SMALL_CACHE, assert_product, products

from mlptrain.backend.call import Array, Call
from mlptrain.backend.compiled import _library, use_fastest_products
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
WAYS = {  # arguments of use_tiles, and the last one of skip_zeros
    "blas": (False, 0, 0),
    "tiles": (True, 0, 0),
    "tiles, small cache": (True, SMALL_CACHE, 0),
    "without zeros, AVX2": (False, 0, 256),
    "without zeros, AVX-512": (False, 0, 512),
}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[str]:
    """How the products are computed; skips if the processor or the compiler lacks it."""
    tiles, second_cache, bits = WAYS[request.param]
    library = _library()
    if (library.use_tiles(tiles, second_cache), library.skip_zeros(1, bits)) != (tiles, bits):
        use_fastest_products(library)
        pytest.skip("not on this processor")
    yield request.param
    use_fastest_products(library)


def operands(m: int, n: int, k: int) -> tuple[Array, Array, Array]:
    """a (m, k), b (k, n) and a row (n,). Half of a is 0, as are all of some rows and columns."""
    random = np.random.default_rng([m, n, k])
    a = random.standard_normal((m, k), np.float32)
    a[random.random(a.shape) < 0.5] = 0
    a[m // 2], a[:, k // 2] = 0, 0
    return a, random.standard_normal((k, n), np.float32), random.standard_normal(n, np.float32)


def computed(
    rule: object,
    m: int,
    n: int,
    *,
    threads: int = 1,
    placed: Callable[[Array], Array] = np.ascontiguousarray,
    **arrays: Array,
) -> Array:
    """The output (m, n) of the rule's kernel, which must not write outside it, from arrays that
    `placed` puts in memory."""
    room = np.full((m + 2, n), 7, next(iter(arrays.values())).dtype)
    out, inputs = room[1:-1], {name: placed(array) for name, array in arrays.items()}
    compiled_backend(threads).bind([Call(rule, out, inputs)])()  # type: ignore[arg-type]
    assert (room[[0, -1]] == 7).all()
    return out


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("threads", on_threads(1, 2, 3))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_three_products(shape: tuple[int, int, int], threads: int) -> None:
    assert_all_three(operands(*shape), partial(computed, threads=threads))


@pytest.mark.parametrize("threads", on_threads(1, 2, 3))
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_three_products_in_float64(shape: tuple[int, int, int], threads: int) -> None:
    a, b, row = operands(*shape)
    factors = a.astype(float), b.astype(float), row.astype(float)
    assert_all_three(factors, partial(computed, threads=threads))


def assert_all_three(factors: tuple[Array, Array, Array], compute: Callable[..., Array]) -> None:
    a, b, _ = factors
    for found, added in products(compute, *factors, Linear(), MatMul()):
        assert_product(found, a, b, added, roundings=8)


def test_products_are_computed_this_way(way: str) -> None:
    assert skips_zeros(0.5) == way.startswith("without zeros")


def test_zeros_are_skipped_if_there_are_enough() -> None:
    use_fastest_products(_library())
    if not skips_zeros(0.05):
        pytest.skip("not on this processor")
    assert [skips_zeros(density) for density in (1, 0.7, 0.2)] == [False, False, True]


def test_zeros_are_found_in_wide_factors() -> None:
    """The share of zeros is a third, then two thirds, whichever columns have them."""
    use_fastest_products(_library())
    if not skips_zeros(0.05):
        pytest.skip("not on this processor")
    for zeros in (slice(0, 4096), slice(8192, 12288)):
        a = np.full((64, 12288), 2**-13, np.float32)
        a[:, zeros] = 0
        assert not is_skipping(a)
        a[...] = 2**-13 * (a == 0)
        assert is_skipping(a)


def skips_zeros(density: float) -> bool:
    """Whether a product skips zeros if the share `density` of its first factor is not 0."""
    a = np.zeros((64, 100), np.float32)
    a[:, np.arange(100) % 20 < 20 * density] = 2**-13
    return is_skipping(a)


def is_skipping(a: Array) -> bool:
    """Whether the zeros of `a`, whose other entries are 2^-13, are skipped. Such a product adds to
    the row; the other ways add the row to the sum, which here is lost if added bit by bit."""
    m, k = a.shape
    b, row = np.full((k, 96), 2**-12, np.float32), np.ones(96, np.float32)
    return bool((computed(Linear().forward, m, 96, x=a, w=b, b=row) == 1).all())


@pytest.mark.usefixtures("way")
def test_nan_and_infinity_propagate() -> None:
    a, b, row = operands(130, 100, 90)
    a[3, 5], a[129, 89], b[7, 99], b[80, 3] = np.nan, np.inf, -np.inf, np.inf
    for found, added in products(computed, a, b, row, Linear(), MatMul()):
        with np.errstate(invalid="ignore"):
            wanted = a @ b + added
        for is_special in (np.isnan, np.isposinf, np.isneginf):
            np.testing.assert_array_equal(is_special(found), is_special(wanted))


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("at_end", [True, False], ids=["end", "start"])
@pytest.mark.parametrize(
    "shape", [(37, 101, 83), (200, 50, 784), (13, 117, 64), (5, 105, 67), (7, 104, 5)], ids=str
)
def test_nothing_outside_the_factors_is_read(shape: tuple[int, int, int], at_end: bool) -> None:
    """Reading beyond a factor would end the process: there, memory cannot be accessed."""
    compute = partial(computed, placed=partial(fenced, at_end=at_end))
    assert_all_three(operands(*shape), compute)


def test_a_row_is_computed_alike_at_any_position(way: str) -> None:
    if way == "blas":
        pytest.skip("the BLAS does not promise this")
    a, b, row = operands(131, 100, 90)
    order = np.random.default_rng(0).permutation(131)
    found = computed(Linear().forward, 131, 100, x=a, w=b, b=row)
    moved = computed(Linear().forward, 131, 100, x=a[order], w=b, b=row)
    np.testing.assert_array_equal(moved, found[order])
