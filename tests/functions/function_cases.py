"""Settings and inputs for every function of the registry, generated from what it says of itself:
a new function with one input, or a new loss, needs nothing here."""

import pkgutil
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np
from pydantic import ValidationError

import mlptrain.functions
from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.function import Function, functions
from mlptrain.autodiff.plan import Plan
from mlptrain.autodiff.tape import Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Array
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend
from mlptrain.functions import losses
from mlptrain.functions.rounded import RoundedLinear, RoundedMatMul

MODULES = [  # importing them registers what they define
    import_module(f"mlptrain.functions.{module.name}")
    for module in pkgutil.iter_modules(mlptrain.functions.__path__)
]

NOT_DIFFERENTIABLE = {"targets", "weights", "labels"}
STEPS = {RoundedMatMul, RoundedLinear}  # unregistered: test_matmul_precision.py tests them
COUNTS = {"count_correct"}  # functions with no derivative at all

# the sizes of inputs, for functions of several that are no losses, and of one that divides them
SHAPES: dict[str, dict[str, tuple[str, ...]]] = {
    "add": {"a": ("batch", "n"), "b": ("batch", "n")},
    "multiply": {"a": ("batch", "n"), "b": ("batch", "n")},
    "matmul": {"x": ("batch", "n"), "w": ("n", "units")},
    "linear": {"x": ("batch", "n"), "w": ("n", "units"), "b": ("units",)},
    "count_correct": {"x": ("batch", "n"), "labels": ("batch",)},
    "split_rows": {"x": ("batch", "6 n")},  # of 1, 2 or 3 parts
}
NUMBERS = (0.0, 0.1, 0.35, 0.8, 2.5)  # tried for every numeric setting; bounds drop some
INTEGERS = (0, 1, 2, 3)  # the same for those that take no other


@cache
def variants(name: str) -> tuple[Function, ...]:
    """The function with its defaults, then with other values of one setting at a time."""
    definition = functions[name]
    found = [definition()]
    for setting, field in definition.model_fields.items():
        if setting == "type":
            continue
        values: tuple[float, ...] = INTEGERS if isinstance(field.default, int) else NUMBERS
        if isinstance(field.default, bool):
            values = (not field.default,)
        changed = [each for value in values if (each := _with(definition, setting, value))]
        assert len(changed) > 0, f"{name}.{setting}: no value for its test is allowed"
        found += changed
    return tuple(found)


def _with(definition: type[Function], setting: str, value: float) -> Function | None:
    try:
        return definition(**{setting: value})
    except ValidationError:
        return None


ALL = [(name, number) for name in functions for number in range(len(variants(name)))]
IDS = [f"{name}-{number}" for name, number in ALL]
IN_PLACE = [(name, number) for name, number in ALL if functions[name].in_place]
IN_PLACE_IDS = [f"{name}-{number}" for name, number in IN_PLACE]


def shapes(name: str, sizes: dict[str, int]) -> dict[str, tuple[int, ...]]:
    """The shapes of the function's inputs for sizes of batch, n and units."""
    definition = functions[name]
    if issubclass(definition, losses.Loss):
        symbols = {"x": ("batch", "n"), "targets": ("batch", "n"), "weights": ("batch",)}
    elif len(definition.inputs()) == 1 and name not in SHAPES:
        symbols = {definition.inputs()[0]: ("batch", "n")}
    else:
        assert name in SHAPES, f"add the shapes of {name}'s inputs to {__file__}"
        symbols = SHAPES[name]
    assert tuple(symbols) == definition.inputs(), f"{name}: its inputs are {definition.inputs()}"
    sizes = {**sizes, "6 n": 6 * sizes["n"]}
    return {x: tuple(sizes[size] for size in dimensions) for x, dimensions in symbols.items()}


def arrays(name: str, sizes: dict[str, int], seed: int, dtype: Any = np.float64) -> dict[str, Any]:
    """Random inputs, none within 0.1 of 0, where several functions have a kink."""
    random = np.random.default_rng(seed)
    made: dict[str, Any] = {}
    for x, shape in shapes(name, sizes).items():
        if x == "labels":
            made[x] = random.integers(0, sizes["n"], shape)
        elif x == "targets":
            made[x] = random.dirichlet(np.ones(shape[1]), shape[0]).astype(dtype)
        elif x == "weights":
            made[x] = random.uniform(0.2, 3.0, shape).astype(dtype)
        else:
            sign = random.choice([-1.0, 1.0], shape)
            made[x] = (sign * random.uniform(0.1, 2.5, shape)).astype(dtype)
    return made


class Run:
    """One function on a plan of its own, all its differentiable inputs being parameters."""

    def __init__(
        self,
        function: Function,
        inputs: dict[str, Array],
        seed: int = 0,
        backend: Backend | None = None,
    ) -> None:
        self.function = function
        differentiable = [x for x in inputs if x not in NOT_DIFFERENTIABLE]
        dtype = inputs[differentiable[0]].dtype
        shapes = {x: inputs[x].shape for x in differentiable}
        self.arena = Arena(shapes, dtype, backend or NumpyBackend())
        tape = Tape(self.arena, training=True)
        self.xs = {
            x: tape.parameter(x) if x in differentiable else tape.input(each.shape, each.dtype)
            for x, each in inputs.items()
        }
        self.y: Tensor = function(*self.xs.values())
        self.step = np.zeros(1, np.int64)
        self.plan = Plan(tape, self.y, self.arena.backend.random(seed, 1, self.step))
        for x, each in inputs.items():
            self.xs[x].value[...] = each

    def forward(self) -> Array:
        with self.arena.backend.quiet():
            self.plan.forward()
        return self.y.value

    def gradients(self, seed: Array | float = 1.0) -> dict[str, Array]:
        """The gradients of seed · y, after a forward pass."""
        with self.arena.backend.quiet():
            self.plan.forward()
            self.plan.backward(seed)
        return {x: self.arena.gradient(x) for x in self.arena.slots}


def evaluate(function: Function, *inputs: Array) -> Array:
    """y = function(*inputs) through a plan."""
    return Run(function, dict(zip(function.inputs(), inputs, strict=True))).forward()
