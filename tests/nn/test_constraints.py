"""What weights are held to, and penalties on them."""

import numpy as np
import pytest

from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.activations import Softmax
from mlptrain.functions.penalties import L1, L2, Regularizer
from mlptrain.nn.constraints import Constraint, MaxNorm, NonNegative, constraints
from mlptrain.nn.layers import Dense, Residual
from mlptrain.nn.model import Head, Model


def model(regularizer: Regularizer | None = None, constraint: Constraint | None = None) -> Model:
    from mlptrain.functions.losses import CrossEntropy

    dense = Dense(units=4, kernel_regularizer=regularizer, kernel_constraint=constraint)
    made = Model(
        [dense, Residual(layers=(dense,))], 5, Head(3, Softmax()), CrossEntropy(), np.float64
    )
    made.initialize(np.random.default_rng(1))
    return made


def loss_and_gradients(made: Model) -> tuple[float, dict[str, np.ndarray]]:
    backend = made.arena.backend
    random = np.random.default_rng(0)
    program = made.plan_training(7, backend.random(0, 0, np.zeros(1, np.int64)))
    program.x.value[...] = random.normal(size=(7, 5))
    program.targets.value[...] = random.integers(0, 3, 7)
    program.weights.value[...] = 1 / 7
    program.plan.forward()
    program.plan.backward()
    return float(program.loss.value), {n: made.arena.gradient(n).copy() for n in made.arena.slots}


@pytest.mark.parametrize("regularizer", [L1(factor=0.1), L2(factor=0.1)])
def test_a_penalty_is_added_to_the_loss_and_to_the_gradients(regularizer: Regularizer) -> None:
    """Of the kernels of the layers that have one, nested ones too."""
    plain, before = loss_and_gradients(model())
    made = model(regularizer)
    found, after = loss_and_gradients(made)
    power = 1 if isinstance(regularizer, L1) else 2
    kernels = {n: made.arena.value(n) for n in ("dense_1/kernel", "residual_1/dense_1/kernel")}
    penalty = sum((abs(w) ** power).sum() for w in kernels.values())
    assert found == pytest.approx(plain + 0.1 * penalty)
    for name, gradient in after.items():
        w = kernels.get(name, np.zeros(()))
        slope = np.sign(w) if power == 1 else 2 * w
        np.testing.assert_allclose(gradient, before[name] + 0.1 * slope, rtol=1e-12, atol=1e-15)


def test_evaluation_has_no_penalty() -> None:
    steps = [type(call.rule.__self__) for call in model(L2()).plan_evaluation(7).plan.forward_calls]  # type: ignore[attr-defined]
    assert L2 not in steps


@pytest.mark.parametrize("name", list(constraints))
def test_a_projection_holds_and_changes_nothing_that_holds(name: str) -> None:
    made = model(constraint=constraints[name]())
    made.arena.values[...] = np.random.default_rng(2).normal(size=made.arena.values.size) * 3
    free = {n: made.arena.value(n).copy() for n in made.arena.slots}
    project = NumpyBackend().bind(made.projections())
    project()
    for parameter in ("dense_1/kernel", "residual_1/dense_1/kernel"):
        w = made.arena.value(parameter)
        if name == "max_norm":
            lengths = np.linalg.norm(free[parameter], axis=0)
            wanted = free[parameter] * np.minimum(1, 2 / lengths)
        else:
            wanted = np.maximum(free[parameter], 0)
        np.testing.assert_allclose(w, wanted, rtol=1e-14)
        assert not np.array_equal(w, free[parameter])
        free[parameter] = w
    once = made.arena.values.copy()
    project()
    np.testing.assert_allclose(made.arena.values, once, rtol=1e-15)
    for parameter, values in free.items():
        np.testing.assert_allclose(made.arena.value(parameter), values)


def test_constraints_are_settings_of_a_layer() -> None:
    layer = Dense(units=3, kernel_constraint=MaxNorm(limit=1.0))
    assert layer.constraints() == {"kernel": MaxNorm(limit=1.0)}
    assert Residual(layers=(layer,)).constraints() == {"dense_1/kernel": MaxNorm(limit=1.0)}
    assert Dense.model_validate(
        {"units": 3, "kernel_constraint": "non_negative"}
    ).constraints() == {"kernel": NonNegative()}
    assert Dense(units=3).constraints() == {}
