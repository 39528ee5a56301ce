"""Linear maps and elementwise functions against NumPy's own expressions."""

import numpy as np
import pytest
from function_cases import evaluate

from mlptrain.errors import DefinitionError
from mlptrain.functions.elementwise import Add, Multiply
from mlptrain.functions.linear import Linear, MatMul

SHAPES = [(1, 1, 1), (1, 5, 3), (4, 1, 3), (4, 5, 1), (33, 17, 9)]


@pytest.mark.parametrize(("batch", "n", "units"), SHAPES)
def test_linear_and_matmul(batch: int, n: int, units: int) -> None:
    random = np.random.default_rng(0)
    x, w, b = (random.normal(size=shape) for shape in ((batch, n), (n, units), (units,)))
    product = np.einsum("ij,jk->ik", x, w)
    np.testing.assert_allclose(evaluate(MatMul(), x, w), product, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(evaluate(Linear(), x, w, b), product + b, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "shapes",
    [
        ((4, 5), (6, 3)),
        ((4, 5), (5,)),
        ((5,), (5, 3)),
        ((4, 5), (5, 3), (4,)),
        ((4, 5), (5, 3), (1, 3)),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shapes: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(DefinitionError, match=r"its inputs have the shapes .*\. Allowed are"):
        (MatMul() if len(shapes) == 2 else Linear()).shape(*shapes)


def test_add_and_multiply() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 4, 5))
    np.testing.assert_array_equal(evaluate(Add(), a, b), a + b)
    np.testing.assert_array_equal(evaluate(Multiply(), a, b), a * b)
