"""The functions applied, in order. That order is already topological: no graph search."""

from dataclasses import dataclass

from numpy.typing import DTypeLike

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.function import Function
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.protocol import MatmulPrecision
from mlptrain.errors import DefinitionError


@dataclass(frozen=True)
class Step:
    """y = function(*xs)."""

    function: Function
    xs: tuple[Tensor, ...]
    y: Tensor


class Tape:
    """A program over the arrays of `arena`: inputs, parameters, state, and the steps between.

    `training` tells layers that behave differently in training (dropout) what to record, and
    `matmul_precision` what the factors of their matrix products are rounded to. Raises ValueError
    for a precision that the backend lacks, or for rounding float64.
    """

    def __init__(
        self, arena: Arena, *, training: bool, matmul_precision: MatmulPrecision = "float32"
    ) -> None:
        self.arena = arena
        self.training = training
        self.matmul_precision = matmul_precision
        self.dtype = arena.values.dtype
        offered = arena.backend.matmul_precisions if self.dtype == "float32" else ("float32",)
        if matmul_precision not in offered:
            raise ValueError(
                f"{matmul_precision}: matrix products of {self.dtype} in the "
                f"{arena.backend.kernels} backend have {', '.join(offered)}"
            )
        self.inputs: list[Tensor] = []
        self.parameters: dict[str, Tensor] = {}
        self.states: dict[str, Tensor] = {}
        self.steps: list[Step] = []
        self.penalties: list[Tensor] = []  # each (), to be added to the loss

    def input(self, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> Tensor:
        """A value that the caller fills in before each run. It wants no gradient."""
        tensor = Tensor(self, shape, dtype or self.dtype, wants_gradient=False)
        self.inputs.append(tensor)
        return tensor

    def parameter(self, name: str) -> Tensor:
        """The arena's parameter `name`; the same tensor each time it is asked for. In training, it
        wants a gradient unless it is frozen."""
        if name not in self.parameters:
            is_trained = self.training and name not in self.arena.frozen
            shape = self.arena.slots[name].shape
            self.parameters[name] = Tensor(self, shape, self.dtype, is_trained, name)
        return self.parameters[name]

    def state(self, name: str) -> Tensor:
        """The arena's state `name`; the same tensor each time. It wants no gradient, and a function
        that `updates` it writes to it."""
        if name not in self.states:
            shape = self.arena.state_slots[name].shape
            self.states[name] = Tensor(self, shape, self.dtype, wants_gradient=False, name=name)
        return self.states[name]

    def apply(self, function: Function, *xs: Tensor) -> Tensor:
        """Record y = function(*xs) and return y.

        y wants a gradient if an input that the function is differentiable in wants one.
        Raises ValueError if an input was recorded on another tape, and DefinitionError if the
        function updates anything but state, or state in a program that does not train."""
        if any(x.tape is not self for x in xs):
            raise ValueError(f"{function!r}: an input was recorded on another tape")
        for name, x in zip(function.inputs(), xs, strict=True):
            if name in function.updates and (not self.training or x not in self.states.values()):
                raise DefinitionError(
                    f"{type(function).__name__}: updates its input '{name}'. "
                    "Only state can be updated, and only in training."
                )
        wanted = (
            x.wants_gradient and rule is not None
            for x, rule in zip(xs, function.gradient_rules(), strict=True)
        )
        y = Tensor(self, function.shape(*(x.shape for x in xs)), self.dtype, any(wanted))
        self.steps.append(Step(function, xs, y))
        return y
