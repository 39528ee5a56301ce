"""The functions applied, in order. That order is already topological: no graph search."""

from dataclasses import dataclass

from numpy.typing import DTypeLike

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.function import Function
from mlptrain.autodiff.tensor import Tensor


@dataclass(frozen=True)
class Step:
    """y = function(*xs)."""

    function: Function
    xs: tuple[Tensor, ...]
    y: Tensor


class Tape:
    """A program over the parameters of `arena`: inputs, parameters, and the steps between.

    `training` tells layers that behave differently in training (dropout) what to record.
    """

    def __init__(self, arena: Arena, *, training: bool) -> None:
        self.arena = arena
        self.training = training
        self.dtype = arena.values.dtype
        self.inputs: list[Tensor] = []
        self.parameters: dict[str, Tensor] = {}
        self.steps: list[Step] = []
        self.penalties: list[Tensor] = []  # each (), to be added to the loss

    def input(self, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> Tensor:
        """A value that the caller fills in before each run. It wants no gradient."""
        tensor = Tensor(self, shape, dtype or self.dtype, wants_gradient=False)
        self.inputs.append(tensor)
        return tensor

    def parameter(self, name: str) -> Tensor:
        """The arena's parameter `name`; the same tensor each time it is asked for."""
        if name not in self.parameters:
            self.parameters[name] = Tensor(
                self, self.arena.slots[name].shape, self.dtype, self.training, name
            )
        return self.parameters[name]

    def apply(self, function: Function, *xs: Tensor) -> Tensor:
        """Record y = function(*xs) and return y.

        y wants a gradient if an input that the function is differentiable in wants one.
        Raises ValueError if an input was recorded on another tape."""
        if any(x.tape is not self for x in xs):
            raise ValueError(f"{function!r}: an input was recorded on another tape")
        wanted = (
            x.wants_gradient and rule is not None
            for x, rule in zip(xs, function.gradient_rules(), strict=True)
        )
        y = Tensor(self, function.shape(*(x.shape for x in xs)), self.dtype, any(wanted))
        self.steps.append(Step(function, xs, y))
        return y
