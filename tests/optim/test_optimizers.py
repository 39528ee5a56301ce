"""The tests that every registered optimizer passes, in each of its variants."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from optimizer_cases import DEFINITIONS, every_variant
from pydantic import ValidationError
from stepping import Updates

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.optim.optimizers import SGD, Adam, AdamW, MiniBatchOptimizer

SHAPES = {"w": (5, 4), "b": (13,)}


def plain(optimizer: MiniBatchOptimizer) -> MiniBatchOptimizer:
    return optimizer.model_copy(update={"weight_decay": 0.0})


def arena(dtype: type = np.float64) -> Arena:
    made = Arena(SHAPES, dtype, NumpyBackend())
    made.values[...] = np.random.default_rng(0).normal(size=made.values.size)
    return made


def step(update: Updates, parameters: Arena, number: int, rate: float = 0.01) -> None:
    """One update with a gradient that depends on the parameters and on the step."""
    noise = np.random.default_rng(number).normal(size=parameters.values.size)
    parameters.gradients[...] = parameters.values + noise
    update.update(rate)


@every_variant
def test_minimizes_a_parabola(optimizer: MiniBatchOptimizer) -> None:
    """Σ cᵢ (wᵢ - tᵢ)² / 2 with curvatures from 0.5 to 5, at a rate that falls to 0."""
    parameters = arena()
    update = Updates(plain(optimizer), parameters)
    target = np.linspace(-1, 1, parameters.values.size)
    curvature = np.linspace(0.5, 5, parameters.values.size)
    for number in range(1000):
        parameters.gradients[...] = curvature * (parameters.values - target)
        update.update(0.02 * (1 + math.cos(math.pi * number / 1000)))
    np.testing.assert_allclose(parameters.values, target, atol=1e-4)


def rosenbrock(optimizer: MiniBatchOptimizer, rate: float) -> float:
    """(1 - x)² + 100 (y - x²)² after 4,000 steps from (-1.2, 1), where it is 24.2."""
    parameters = Arena({"w": (1, 2)}, np.float64, NumpyBackend())
    parameters.values[...] = -1.2, 1.0
    update = Updates(optimizer, parameters)
    for _ in range(4000):
        x, y = parameters.values.tolist()
        if not math.isfinite(x + y) or abs(x) > 1e3:
            return math.inf
        parameters.gradients[0] = -2 * (1 - x) - 400 * x * (y - x * x)
        parameters.gradients[1] = 200 * (y - x * x)
        update.update(rate)
    x, y = parameters.values.tolist()
    return (1 - x) ** 2 + 100 * (y - x * x) ** 2


@every_variant
def test_minimizes_the_rosenbrock_function(optimizer: MiniBatchOptimizer) -> None:
    assert min(rosenbrock(plain(optimizer), rate) for rate in (1e-3, 1e-2)) < 0.02


@every_variant
def test_descends_from_the_first_step(optimizer: MiniBatchOptimizer) -> None:
    parameters = arena()
    before = parameters.values.copy()
    parameters.gradients[...] = np.where(np.arange(before.size) % 2, 1.0, -1.0)
    Updates(plain(optimizer), parameters).update(0.01)
    moved = parameters.values - before
    np.testing.assert_array_equal(np.sign(moved), np.where(np.arange(before.size) % 2, -1.0, 1.0))
    assert abs(moved).max() < 0.03


@every_variant
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_resumes_exactly(optimizer: MiniBatchOptimizer, dtype: type) -> None:
    whole = arena(dtype)
    update = Updates(optimizer, whole)
    for number in range(5):
        step(update, whole, number)
    resumed = arena(dtype)
    resumed.values[...] = whole.values
    second = Updates(optimizer, resumed)
    second.step = update.step
    for name, vector in update.state.items():
        second.state[name][...] = vector
    for number in range(5, 10):
        step(update, whole, number)
        step(second, resumed, number)
    np.testing.assert_array_equal(whole.values, resumed.values)
    for name in optimizer.state():
        np.testing.assert_array_equal(update.state[name], second.state[name])
    assert second.step == update.step == 10


@pytest.mark.parametrize("optimizer", [SGD(momentum=0.9), Adam(), AdamW()], ids=repr)
def test_resuming_needs_all_of_the_state(optimizer: MiniBatchOptimizer) -> None:
    """Without one of its vectors, or without the step, an optimizer computes something else."""
    for lost in (*optimizer.state(), *(() if isinstance(optimizer, SGD) else ("step",))):
        whole, resumed = arena(), arena()
        update, second = Updates(optimizer, whole), Updates(optimizer, resumed)
        step(update, whole, 0)
        resumed.values[...] = whole.values
        second.step = 0 if lost == "step" else 1
        for vector in set(optimizer.state()) - {lost}:
            second.state[vector][...] = update.state[vector]
        step(update, whole, 1)
        step(second, resumed, 1)
        assert not np.array_equal(whole.values, resumed.values), lost


@every_variant
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("chunk", [1, 7, 20, 32])
def test_chunks_do_not_change_the_result(
    optimizer: MiniBatchOptimizer, dtype: type, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = []
    for size in (NumpyBackend.chunk, chunk):
        monkeypatch.setattr(NumpyBackend, "chunk", size)
        parameters = arena(dtype)
        update = Updates(optimizer, parameters)
        for number in range(4):
            step(update, parameters, number)
        results.append(parameters.values.copy())
    np.testing.assert_array_equal(results[0], results[1])


class FencedBackend(NumpyBackend):
    """Puts eight guard values of 77 before and after every array."""

    def __init__(self) -> None:
        self.fences: list[Array] = []

    def empty(self, shape: tuple[int, ...], dtype: object) -> Array:
        size = math.prod(shape)
        memory = np.full(size + 16, 77, np.dtype(dtype))  # type: ignore[call-overload]
        self.fences += [memory[:8], memory[8 + size :]]
        return memory[8 : 8 + size].reshape(shape)


@every_variant
def test_rules_write_only_to_their_vectors(
    optimizer: MiniBatchOptimizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NumpyBackend, "chunk", 6)
    backend = FencedBackend()
    parameters = Arena(SHAPES, np.float64, backend)
    update = Updates(optimizer, parameters)
    for number in range(3):
        step(update, parameters, number)
    assert len(backend.fences) == 2 * (5 + len(optimizer.state()))
    for fence in backend.fences:
        assert (fence == 77).all()


@every_variant
def test_weight_decay_applies_to_matrices_only(optimizer: MiniBatchOptimizer) -> None:
    decaying = optimizer.model_copy(update={"weight_decay": 0.1})
    decayed, other = arena(), arena()
    update, without = Updates(decaying, decayed), Updates(plain(optimizer), other)
    for parameters, each in ((decayed, update), (other, without)):
        for number in range(3):
            parameters.gradients[...] = np.random.default_rng(number).normal(size=33)
            each.update(0.05)
    np.testing.assert_array_equal(decayed.value("b"), other.value("b"))
    assert (decayed.value("w") != other.value("w")).all()


def after_one_step(optimizer: MiniBatchOptimizer) -> tuple[Array, Array]:
    """The weights before and after a step with learning rate 0.5 and gradient 0."""
    parameters = arena()
    before = parameters.value("w").copy()
    Updates(optimizer, parameters).update(0.5)
    return before, parameters.value("w")


def test_the_size_of_weight_decay() -> None:
    for shrinks in (SGD(weight_decay=0.1), AdamW(weight_decay=0.1)):
        before, after = after_one_step(shrinks)
        np.testing.assert_allclose(after, before * (1 - 0.5 * 0.1), rtol=1e-14)
    before, after = after_one_step(Adam(weight_decay=0.1))  # the first step keeps only the sign
    np.testing.assert_allclose(after, before - 0.5 * np.sign(before), rtol=1e-6, atol=1e-6)


def test_each_step_uses_its_own_learning_rate() -> None:
    parameters = arena()
    before = parameters.values.copy()
    update = Updates(SGD(learning_rate=123.0), parameters)
    for rate in (0.5, 0.25):
        parameters.gradients[...] = 1
        update.update(rate)
    np.testing.assert_allclose(parameters.values, before - 0.75, rtol=1e-14)


def test_the_first_steps_of_adam() -> None:
    """The first step is ρ g / (|g| + ε); with a constant gradient, all steps are equal."""
    parameters = Arena({"w": (1, 3)}, np.float64, NumpyBackend())
    update = Updates(Adam(), parameters)
    for number in range(1, 6):
        parameters.gradients[...] = 1e-3, -5.0, 0.0
        update.update(0.1)
        wanted = [-0.1 * number * 1e-3 / (1e-3 + 1e-8), 0.1 * number, 0.0]
        np.testing.assert_allclose(parameters.values, wanted, rtol=1e-8)


def test_momentum_continues_without_a_gradient() -> None:
    rows: dict[bool, list[float]] = {False: [], True: []}
    for nesterov, row in rows.items():
        parameters = Arena({"b": (1,)}, np.float64, NumpyBackend())
        update = Updates(SGD(momentum=0.5, nesterov=nesterov), parameters)
        for gradient in (1.0, 0.0, 0.0):
            parameters.gradients[...] = gradient
            update.update(1.0)
            row.append(float(parameters.values[0]))
    assert rows == {False: [-1.0, -1.5, -1.75], True: [-1.5, -1.75, -1.875]}


BAD: list[tuple[Callable[..., MiniBatchOptimizer], str, float]] = [
    *((definition, "learning_rate", bad) for definition in DEFINITIONS for bad in (0.0, -1.0)),
    *((definition, "weight_decay", -0.1) for definition in DEFINITIONS),
    *((definition, "clip_norm", 0.0) for definition in DEFINITIONS),
    (SGD, "momentum", 1.0),
    (SGD, "momentum", -0.1),
    (Adam, "beta_1", 1.0),
    (Adam, "beta_2", 1.0),
    (Adam, "epsilon", 0.0),
    (Adam, "learning_rate", math.inf),
    (Adam, "learning_rate", math.nan),
]


@pytest.mark.parametrize(("definition", "setting", "value"), BAD)
def test_settings_out_of_range_are_refused(
    definition: Callable[..., MiniBatchOptimizer], setting: str, value: float
) -> None:
    with pytest.raises(ValidationError):
        definition(**{setting: value})
