"""Compare backpropagation with central differences, in float64."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.function import Function
from mlptrain.autodiff.plan import Plan
from mlptrain.autodiff.tape import Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Array
from mlptrain.backend.numpy import NumpyBackend

Program = Callable[..., Tensor]
NOTHING: Mapping[str, Array] = MappingProxyType({})


def gradient_error(
    program: Program,
    parameters: dict[str, Array],
    inputs: dict[str, Array],
    state: Mapping[str, Array] = NOTHING,
) -> float:
    """The largest relative difference between the gradients of a program and central differences.

    `program(**tensors)` records a function of the named arrays and returns its output. The
    gradients checked are those of s · y for a fixed random s, with respect to every array in
    `parameters` (float64). Before each run, the arena's state is set to `state`, and all buffers
    hold NaN, which exposes a rule that reads what it should write. The difference is relative to
    the largest entry of the numerical gradient. Correct rules reach about 1e-9; NaN means that a
    rule read or left uninitialized numbers.
    """
    checked = _Checked(program, parameters, inputs, state)
    analytic = checked.gradients()
    numeric = checked.central_differences()
    scale = max(float(np.abs(numeric).max(initial=0.0)), 1e-6)
    return float(np.abs(analytic - numeric).max() / scale)


def function_error(function: Function, inputs: dict[str, Array]) -> float:
    """`gradient_error` of one function at `inputs`, by name, for all inputs with a gradient rule;
    these must be float64."""
    names = function.inputs()
    rules = dict(zip(names, function.gradient_rules(), strict=True))
    return gradient_error(
        lambda **tensors: function(*(tensors[name] for name in names)),
        {name: inputs[name] for name in names if rules[name]},
        {name: inputs[name] for name in names if not (rules[name] or name in function.updates)},
        {name: inputs[name] for name in function.updates},
    )


class _Checked:
    """A program bound to a plan whose buffers are filled with NaN before every run."""

    def __init__(
        self,
        program: Program,
        parameters: dict[str, Array],
        inputs: dict[str, Array],
        state: Mapping[str, Array],
    ) -> None:
        shapes = {name: array.shape for name, array in parameters.items()}
        state_shapes = {name: array.shape for name, array in state.items()}
        self.arena = Arena(shapes, np.float64, NumpyBackend(), state_shapes)
        self.state = state
        random = self.arena.backend.random(7, 0, np.zeros(1, np.int64))  # the same at every pass
        tape = Tape(self.arena, training=True)
        tensors = {name: tape.parameter(name) for name in parameters}
        tensors |= {name: tape.state(name) for name in state}
        tensors |= {name: tape.input(array.shape, array.dtype) for name, array in inputs.items()}
        self.y = program(**tensors)
        self.plan = Plan(tape, self.y, random)
        self.inputs = [(tensors[name], array) for name, array in inputs.items()]
        self.weights = np.random.default_rng(3).uniform(0.5, 1.5, self.y.shape)
        for name, array in parameters.items():
            self.arena.value(name)[...] = array

    def forward(self) -> float:
        """s · y, from NaN-filled buffers, the same state and the same random numbers each time."""
        for buffer in self.plan.buffers:
            buffer[...] = np.nan if buffer.dtype.kind == "f" else 0
        for tensor, array in self.inputs:
            tensor.value[...] = array
        for name, view in self.arena.state_by_name().items():
            view[...] = self.state[name]
        self.plan.forward()
        return float(np.sum(self.weights * self.y.value))

    def gradients(self) -> Array:
        self.arena.gradients[...] = np.nan
        self.forward()
        self.plan.backward(self.weights)
        return self.arena.gradients.copy()

    def central_differences(self) -> Array:
        """(f(x + h) − f(x − h)) / 2h for each entry of the vector in turn."""
        left, right = one_sided_differences(self.arena.values, self.forward)
        return (left + right) / 2


def one_sided_differences(
    x: Array,
    f: Callable[[], float],
    entries: NDArray[np.int64] | None = None,
    step: float = 1e-6,
) -> tuple[Array, Array]:
    """(f(x) − f(x − h)) / h and (f(x + h) − f(x)) / h for each of the `entries` of x (n,), by
    default all, in turn. `f` reads x; x is as before in the end.

    Their mean is the central difference. Where f has a kink, they differ, and a derivative lies
    between them."""
    entries = np.arange(len(x)) if entries is None else entries
    left, right, here = np.empty(len(entries)), np.empty(len(entries)), f()
    for i, entry in enumerate(entries.tolist()):
        value = float(x[entry])
        x[entry] = value - step
        left[i] = (here - f()) / step
        x[entry] = value + step
        right[i] = (f() - here) / step
        x[entry] = value
    return left, right
