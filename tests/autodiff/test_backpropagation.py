"""Where a value feeds several steps, contributions add up; where a program is long, nothing
recurses and nothing grows faster than the program."""

import inspect
import sys
from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.function import Function
from mlptrain.autodiff.gradcheck import gradient_error
from mlptrain.autodiff.plan import Plan
from mlptrain.autodiff.tape import Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Array
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.activations import Identity, Sigmoid, SiLU, Tanh
from mlptrain.functions.elementwise import Add, Multiply
from mlptrain.functions.linear import Linear, MatMul

add, multiply, tanh, sigmoid, silu = Add(), Multiply(), Tanh(), Sigmoid(), SiLU()


def random(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-1.5, 1.5, shape)


def diamond(x: Tensor) -> Tensor:
    h = tanh(x)
    return add(sigmoid(h), multiply(h, silu(h)))


def nested_diamonds(x: Tensor) -> Tensor:
    return diamond(add(diamond(x), x))


def used_before_and_after(x: Tensor) -> Tensor:
    late = multiply(x, tanh(x))
    return multiply(add(late, x), add(x, late))


UNARY: dict[str, Callable[[Tensor], Tensor]] = {
    "fan-out": lambda x: multiply(tanh(x), sigmoid(x)),
    "fan-out of four": lambda x: add(multiply(x, tanh(x)), multiply(silu(x), sigmoid(x))),
    "twice in a sum": lambda x: add(x, x),
    "twice in a product": lambda x: multiply(x, x),
    "twice, twice": lambda x: multiply(add(x, x), multiply(x, x)),
    "diamond": diamond,
    "nested diamonds": nested_diamonds,
    "before and after": used_before_and_after,
    "with a dead branch": lambda x: add(tanh(x), x) if tanh(sigmoid(x)).shape else x,
}


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("shape", [(3, 4), (1, 1), (1, 5), (6, 1)])
def test_a_value_used_several_times(name: str, shape: tuple[int, int]) -> None:
    assert gradient_error(UNARY[name], {"x": random(*shape)}, {}) < 1e-8


def test_a_matrix_times_itself() -> None:
    assert gradient_error(lambda x: MatMul()(x, x), {"x": random(4, 4)}, {}) < 1e-8


def test_a_parameter_shared_by_two_layers() -> None:
    def program(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return Linear()(tanh(Linear()(x, w, b)), w, b)

    parameters = {"w": random(4, 4), "b": random(4, seed=1)}
    assert gradient_error(program, parameters, {"x": random(5, 4, seed=2)}) < 1e-8


def test_a_parameter_shared_by_two_inputs() -> None:
    def program(x1: Tensor, x2: Tensor, w: Tensor) -> Tensor:
        return multiply(tanh(MatMul()(x1, w)), MatMul()(x2, w))

    inputs = {"x1": random(5, 4, seed=2), "x2": random(5, 4, seed=3)}
    assert gradient_error(program, {"w": random(4, 3)}, inputs) < 1e-8


@pytest.mark.parametrize("seed", range(20))
def test_random_programs(seed: int) -> None:
    """15 steps on two parameters and one input; each step takes any of the values before it."""

    def program(a: Tensor, b: Tensor, x: Tensor) -> Tensor:
        choose = np.random.default_rng(seed)
        values = [a, b, x]
        for _ in range(15):
            one, other = (values[i] for i in choose.integers(0, len(values), 2))
            match choose.integers(0, 4):
                case 0:
                    values.append(tanh(one))
                case 1:
                    values.append(sigmoid(one))
                case 2:
                    values.append(add(tanh(one), other))
                case _:
                    values.append(multiply(tanh(one), tanh(other)))
        y = multiply(values[0], values[1])
        for value in values[2:]:
            y = add(y, value)
        return y

    parameters = {"a": random(2, 3, seed=seed), "b": random(2, 3, seed=seed + 100)}
    assert gradient_error(program, parameters, {"x": random(2, 3, seed=seed + 200)}) < 1e-7


class Mean(Function):
    """y = (a + b) / 2, counting how often its rules run."""

    type: Literal["counted_mean"] = "counted_mean"
    calls: ClassVar[dict[str, int]] = {"forward": 0, "backward": 0}

    def forward(self, xp: Any, out: Array, a: Array, b: Array) -> None:
        self.calls["forward"] += 1
        xp.add(a, b, out=out)
        xp.multiply(out, 0.5, out=out)

    def gradient_a(self, xp: Any, out: Array, g: Array) -> None:
        self.calls["backward"] += 1
        xp.multiply(g, 0.5, out=out)

    def gradient_b(self, xp: Any, out: Array, g: Array) -> None:
        self.calls["backward"] += 1
        xp.multiply(g, 0.5, out=out)


@pytest.fixture
def shallow_stack() -> Iterator[None]:
    """Leaves room for 60 more calls inside each other."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(len(inspect.stack(0)) + 60)
    yield
    sys.setrecursionlimit(limit)


def chain(steps: int) -> tuple[Plan, Tensor, Arena]:
    """y after `steps` steps y ← (y + y) / 2 from a parameter: 2^steps paths from y back to it."""
    arena = Arena({"w": (2, 3)}, np.float64, NumpyBackend())
    arena.values[...] = random(6)
    tape = Tape(arena, training=True)
    y = tape.parameter("w")
    for _ in range(steps):
        y = Mean()(y, y)
    return Plan(tape, y), y, arena


@pytest.mark.slow
@pytest.mark.usefixtures("shallow_stack")
@pytest.mark.parametrize("steps", [1, 500, 5000])
def test_a_long_chain_neither_recurses_nor_grows_faster_than_linearly(steps: int) -> None:
    plan, y, arena = chain(steps)
    Mean.calls.update(forward=0, backward=0)
    plan.forward()
    plan.backward()
    assert Mean.calls == {"forward": steps, "backward": 2 * steps}
    assert len(plan.buffers) == 3 * steps  # a value, a gradient, a second contribution
    np.testing.assert_array_equal(y.value, arena.value("w"))
    np.testing.assert_array_equal(arena.gradients, 1.0)


@pytest.mark.usefixtures("shallow_stack")
def test_the_recursion_limit_of_these_tests_is_one() -> None:
    def depth(n: int) -> int:
        return 0 if n == 0 else 1 + depth(n - 1)

    with pytest.raises(RecursionError):
        depth(100)


def test_a_long_chain_of_single_steps_needs_two_buffers_each() -> None:
    arena = Arena({"w": (2, 3)}, np.float64, NumpyBackend())
    y = Tape(arena, training=True).parameter("w")
    for _ in range(5000):
        y = Identity()(y)
    assert len(Plan(y.tape, y).buffers) == 2 * 5000
