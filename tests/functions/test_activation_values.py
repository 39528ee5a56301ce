"""Activations: values from their definitions, and what happens far from 0."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from function_cases import Run, evaluate

from mlptrain.autodiff.function import Function
from mlptrain.functions.activations import (
    ELU,
    GELU,
    Activation,
    Identity,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
    activations,
)

GRID = np.concatenate([np.linspace(-12, 12, 481), [1e-3, -1e-3, 1e-9, -1e-9, 0.0]])
FAR = [-1e4, -800.0, -100.0, 100.0, 800.0, 1e4]


def phi(x: float) -> float:
    """The standard normal distribution function, as erfc gives it: exact for x far below 0."""
    return math.erfc(-x / math.sqrt(2)) / 2


def logistic(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def tanh_gelu(x: float) -> float:
    return 0.5 * x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


FORMULAS: list[tuple[Activation, Callable[[float], float]]] = [
    (Identity(), lambda x: x),
    (ReLU(), lambda x: max(x, 0.0)),
    (LeakyReLU(), lambda x: x if x > 0 else 0.01 * x),
    (LeakyReLU(negative_slope=0.3), lambda x: x if x > 0 else 0.3 * x),
    (ELU(), lambda x: x if x > 0 else math.expm1(x)),
    (ELU(alpha=0.5), lambda x: x if x > 0 else 0.5 * math.expm1(x)),
    (ELU(alpha=2.0), lambda x: x if x > 0 else 2.0 * math.expm1(x)),
    (GELU(), lambda x: x * phi(x)),
    (GELU(approximate=True), tanh_gelu),
    (SiLU(), lambda x: x * logistic(x)),
    (Tanh(), math.tanh),
    (Sigmoid(), logistic),
    (Softplus(), lambda x: max(x, 0.0) + math.log1p(math.exp(-abs(x)))),
]
IDS = [repr(function) for function, _ in FORMULAS]


def applied(function: Function, x: Any, dtype: Any = np.float64) -> Any:
    """y for the numbers x, through a plan."""
    row = np.asarray(x, dtype)[None, :]
    return evaluate(function, row)[0]


def derivative(function: Function, x: Any, dtype: Any = np.float64) -> Any:
    row = np.asarray(x, dtype)[None, :]
    return Run(function, {"x": row}).gradients()["x"][0]


def test_every_elementwise_activation_has_a_formula() -> None:
    assert {type(function) for function, _ in FORMULAS} | {Softmax} == set(
        activations.definitions()
    )


@pytest.mark.parametrize(("function", "formula"), FORMULAS, ids=IDS)
def test_values(function: Activation, formula: Callable[[float], float]) -> None:
    """To the last digits, near 0 and far from it; Φ is known to an absolute error only."""
    wanted = [formula(x) for x in GRID.tolist()]
    errors = (1e-13, 1e-6) if isinstance(function, GELU) else (1e-20, 1e-20)
    np.testing.assert_allclose(applied(function, GRID), wanted, rtol=1e-12, atol=errors[0])
    single = applied(function, GRID, np.float32)
    np.testing.assert_allclose(single, wanted, rtol=2e-6, atol=errors[1])


@pytest.mark.parametrize(("function", "formula"), FORMULAS, ids=IDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_far_from_zero(
    function: Activation, formula: Callable[[float], float], dtype: type
) -> None:
    """Right, finite and without a warning; the derivative is that of the line it has become."""
    tolerance = 1e-6 if dtype == np.float32 else 1e-12
    wanted = [formula(x) for x in FAR]
    np.testing.assert_allclose(applied(function, FAR, dtype), wanted, rtol=tolerance, atol=1e-30)
    slopes = [(formula(x + 50) - formula(x - 50)) / 100 for x in FAR]
    np.testing.assert_allclose(derivative(function, FAR, dtype), slopes, rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize(("dtype", "bound"), [(np.float64, 1e-12), (np.float32, 1e-6)])
def test_gelu_is_the_exact_one(dtype: type, bound: float) -> None:
    x = np.linspace(-10, 10, 20_001).astype(dtype)
    wanted = np.array([each / 2 * (1 + math.erf(each / math.sqrt(2))) for each in x.tolist()])
    y = applied(GELU(), x, dtype)
    assert (np.abs(y - wanted) / np.maximum(np.abs(wanted), 1)).max() < bound
    assert np.abs(applied(GELU(approximate=True), x, dtype) - wanted).max() > 4e-4


def test_identities() -> None:
    x = GRID
    y = {type(function): applied(function, x) for function, _ in FORMULAS[::-1]}
    np.testing.assert_allclose(y[Sigmoid] + applied(Sigmoid(), -x), 1, rtol=1e-15)
    np.testing.assert_allclose(y[Tanh], 2 * applied(Sigmoid(), 2 * x) - 1, atol=1e-15)
    np.testing.assert_allclose(y[Softplus] - applied(Softplus(), -x), x, atol=4e-15)
    np.testing.assert_allclose(derivative(Softplus(), x), y[Sigmoid], rtol=1e-14)
    np.testing.assert_allclose(y[SiLU] - applied(SiLU(), -x), x, atol=1e-14)
    np.testing.assert_allclose(y[GELU] - applied(GELU(), -x), x, atol=1e-14)
    np.testing.assert_array_equal(applied(LeakyReLU(negative_slope=0.0), x), y[ReLU])
    np.testing.assert_array_equal(applied(ELU(alpha=0.0), x), y[ReLU])


@pytest.mark.parametrize(
    ("function", "slope"),
    [(ReLU(), 0.0), (LeakyReLU(negative_slope=0.2), 0.2), (ELU(alpha=0.5), 0.5)],
)
def test_the_derivative_at_the_kink_is_the_left_one(function: Activation, slope: float) -> None:
    assert derivative(function, [0.0, -0.0]).tolist() == [slope, slope]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_stays_nan(dtype: type) -> None:
    for function, _ in FORMULAS:
        y = applied(function, [np.nan, 1.0], dtype)
        assert np.isnan(y).tolist() == [True, False], function
    assert np.isnan(applied(Softmax(), [np.nan, 1.0], dtype)).all()


def test_softmax() -> None:
    x = np.random.default_rng(0).normal(0, 3, (7, 5))
    y = evaluate(Softmax(), x)
    wanted = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(y, wanted, rtol=1e-13)
    np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-15)
    np.testing.assert_allclose(evaluate(Softmax(), x + 100), y, rtol=1e-12)
    two = evaluate(Softmax(), x[:, :2])
    np.testing.assert_allclose(two[:, 0], applied(Sigmoid(), x[:, 0] - x[:, 1]), rtol=1e-13)
    np.testing.assert_array_equal(evaluate(Softmax(), x[:, :1]), 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_softmax_far_from_zero(dtype: type) -> None:
    x = np.array([[1e4, -1e4, 0], [1e4, 1e4, -1e4], [-1e4, -1e4, -1e4]], dtype)
    run = Run(Softmax(), {"x": x})
    gradient = run.gradients(x / 1e4)["x"]
    np.testing.assert_allclose(run.y.value, [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3], rtol=1e-6)
    np.testing.assert_allclose(gradient, np.zeros((3, 3)), atol=1e-7)
