"""Matrix products in bfloat16: by the processor's instruction or, where it has none, by the same
source with C in its place."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from compiled_backend import compiled_backend
from fenced import fenced
from portable_kernels import portable_kernels
from product_checks import SMALL_CACHE, assert_product, products
from rounding import near

from mlptrain.backend import compiled
from mlptrain.backend.call import Array, Call
from mlptrain.backend.compiled import CompiledBackend
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.activations import ReLU, Softmax
from mlptrain.functions.linear import Linear, MatMul
from mlptrain.functions.losses import CrossEntropy
from mlptrain.functions.rounded import RoundedLinear, RoundedMatMul
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Head, Model

pytestmark = pytest.mark.slow

# (rows, columns, inner): parts of tiles, panels, pairs and blocks, and by threads in every way
SHAPES = [
    *((1, 1, 1), (13, 17, 31), (12, 32, 64), (33, 40, 203), (65, 9, 2001), (131, 77, 113)),
    *((7, 330, 101), (3, 5, 1030), (100, 16, 33), (40, 1041, 35), (97, 33, 1), (25, 48, 530)),
]


@pytest.fixture(scope="module", autouse=True)
def _kernels(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    if "bfloat16" in compiled_backend().matmul_precisions:
        yield
        return
    with portable_kernels(tmp_path_factory.mktemp("kernels")):
        yield


def operands(m: int, n: int, k: int) -> tuple[Array, Array, Array]:
    random = np.random.default_rng([m, n, k])
    a, b, row = (random.standard_normal(shape, np.float32) for shape in ((m, k), (k, n), (n,)))
    return a, b, row


def computed(
    rule: Any, m: int, n: int, *, backend: CompiledBackend, at_end: bool = True, **arrays: Array
) -> Array:
    """The output (m, n) of the rule's kernel, which may touch nothing beyond the end of the arrays
    or, not `at_end`, before their beginning."""
    out = fenced(np.full((m, n), np.nan, np.float32), at_end=at_end)
    inputs = {name: fenced(array, at_end=at_end) for name, array in arrays.items()}
    backend.bind([Call(rule, out, inputs)])()
    return out


def assert_all_three(
    affine: Linear,
    product: MatMul,
    shape: tuple[int, int, int],
    backend: CompiledBackend,
    *,
    at_end: bool = True,
) -> None:
    a, b, row = operands(*shape)
    compute = partial(computed, backend=backend, at_end=at_end)
    x, w = (near(a), near(b)) if product.is_rounded else (a, b)
    for found, added in products(compute, a, b, row, affine, product):
        assert_product(found, x, w, added, roundings=4)


@pytest.fixture(params=[False, True], ids=["", "amx"])
def _amx(request: pytest.FixtureRequest) -> Iterator[None]:
    library = compiled._library()
    if library.use_amx(request.param) != request.param:
        pytest.skip("no AMX here")
    yield
    compiled.use_fastest_products(library)


@pytest.mark.usefixtures("_amx")
@pytest.mark.parametrize(
    ("threads", "second_cache", "at_end"), [(1, 0, True), (2, 0, True), (2, SMALL_CACHE, False)]
)
def test_all_three_products(threads: int, second_cache: int, at_end: bool) -> None:
    backend, library = compiled_backend(threads), compiled._library()
    library.use_tiles(True, second_cache)
    for shape in SHAPES:
        assert_all_three(RoundedLinear(), RoundedMatMul(), shape, backend, at_end=at_end)
    compiled.use_fastest_products(library)


@pytest.mark.usefixtures("_amx")
@pytest.mark.parametrize("as_x", [True, False])
def test_factors_are_rounded_as_by_the_rule(as_x: bool) -> None:
    """A product with 1 shows each factor rounded: all kinds of bits, so NaN, Inf and ties, too."""
    random = np.random.default_rng(0)
    bits = random.integers(0, 1 << 32, 50_000, np.uint32)
    bits[::2] &= 0xFFFF8000  # every other one of these is a tie
    bits[:3] = 0x7F800001, 0xFFFFFFFF, 0x7F7FFFFF  # NaNs that adding would turn into Inf and 0
    x, one = bits.view(np.float32)[:, None], np.ones((1, 1), np.float32)
    arrays = {"x": x, "w": one} if as_x else {"x": one, "w": np.ascontiguousarray(x.T)}
    backend, results = compiled_backend(2), []
    for each in (backend, NumpyBackend()):
        out = np.empty((len(arrays["x"]), arrays["w"].shape[1]), np.float32)
        room = np.empty((3, x.size), np.float32)
        with each.quiet():
            each.bind([Call(RoundedMatMul().forward, out, {**arrays, "room": room})])()
        results.append(out.ravel())
    np.testing.assert_array_equal(*results)
    assert np.isnan(results[0][:2]).all()
    assert results[0][2] == np.inf


@pytest.mark.usefixtures("_amx")
def test_nan_and_infinity_propagate() -> None:
    a, b, row = operands(130, 100, 91)
    a[3, 5], a[129, 90], b[7, 99] = np.nan, np.inf, -np.inf
    found = computed(RoundedLinear().forward, 130, 100, backend=compiled_backend(), x=a, w=b, b=row)
    with np.errstate(invalid="ignore"):
        wanted = near(a) @ near(b) + row
    np.testing.assert_array_equal(np.isnan(found), np.isnan(wanted))
    np.testing.assert_array_equal(np.isposinf(found), np.isposinf(wanted))


@pytest.mark.usefixtures("_amx")
def test_a_row_is_computed_alike_at_any_position() -> None:
    a, b, row = operands(131, 100, 90)
    order = np.random.default_rng(0).permutation(131)
    compute = partial(computed, RoundedLinear().forward, 131, 100, backend=compiled_backend())
    found, moved = (compute(x=x, w=b, b=row) for x in (a, a[order]))
    np.testing.assert_array_equal(moved, found[order])


@pytest.mark.parametrize("shape", [(65, 90, 203), (33, 1041, 35), (12, 80, 1101)])
def test_float32_products_are_not_rounded(shape: tuple[int, int, int]) -> None:
    """By tiles and without zeros, which these kernels have, too."""
    backend, library = compiled_backend(2), compiled._library()
    for bits in (0, 256, 512):
        library.skip_zeros(1, bits)
        assert_all_three(Linear(), MatMul(), shape, backend)
    compiled.use_fastest_products(library)


def test_a_network_trains_as_by_the_rules() -> None:
    results = []
    for backend in (compiled_backend(2), NumpyBackend()):
        head = Head(10, Softmax())
        layers = [Dense(units=60, activation=ReLU())]
        model = Model(layers, 90, head, CrossEntropy(), np.float32, backend, "bfloat16")
        model.initialize(np.random.default_rng(0))
        program = model.plan_training(70, backend.random(0, 0, np.zeros(1, np.int64)))
        random = np.random.default_rng(2)
        program.x.value[...] = random.normal(size=(70, 90))
        program.targets.value[...] = random.integers(0, 10, 70)
        program.weights.value[...] = 1 / 70
        program.plan.forward()
        program.plan.backward()
        results.append(model.arena.gradients)
    np.testing.assert_allclose(*results, rtol=1e-3, atol=2e-4 * np.abs(results[1]).max())
