"""y = f(*xs), with the rules that evaluate and differentiate it."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import ClassVar, NamedTuple

from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Array
from mlptrain.registry import Definition, Registry

Shape = tuple[int, ...]


class Scratch(NamedTuple):
    """A work array: its shape, and its dtype if that differs from the output's."""

    shape: Shape
    dtype: str | None = None


class Function(Definition):
    """A differentiable function of arrays. Its fields are its settings.

    A subclass gives

    - `forward(self, xp, out, <inputs>)`: write y = f(inputs) into `out`;
    - `shape(self, *shapes)`: the shape of y; by default that of the first input;
    - `gradient_<x>(self, xp, out, g, ...)` for each differentiable input x: write the
      vector-Jacobian product Σ g · dy/dx into `out`, where `g` is the gradient at y. The rule asks
      by name for anything else it needs: `y`, any input, any work array. An input without such a
      rule (targets, for example) has no gradient;
    - `scratch(self, *shapes)`: the work arrays of its rules, by name. `forward` takes its own after
      a `*`; their contents are kept for the gradient rules;
    - `constants(self, *shapes)`: read-only arrays, by name, floating-point ones in the output's
      dtype. Rules ask for them like work arrays;
    - `stochastic = True` if forward draws random numbers: it then takes `random`, too, after `*`;
    - `in_place = True`, for a function of one input x of y's shape: `out` may be x in `forward` and
      `g` in the gradient rule, so each entry is read before it is written, and no gradient rule
      asks for x;
    - `updates`: the inputs that forward writes to after it has read them. They must be state of the
      arena, and the tape one for training. A gradient rule finds in them what forward wrote.

    Rules allocate nothing. Unless `in_place`, they change no other input. `out` may hold garbage.
    """

    stochastic: ClassVar[bool] = False
    in_place: ClassVar[bool] = False
    updates: ClassVar[tuple[str, ...]] = ()
    forward: ClassVar[Callable[..., None]]

    def shape(self, *shapes: Shape) -> Shape:
        return shapes[0]

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {}

    def constants(self, *shapes: Shape) -> dict[str, Array]:
        return {}

    def __call__(self, *xs: Tensor) -> Tensor:
        """Record y = f(*xs) on the tape of the xs."""
        return xs[0].tape.apply(self, *xs)

    @classmethod
    @cache
    def inputs(cls) -> tuple[str, ...]:
        """The names of the inputs, in order, as `forward` calls them."""
        parameters = list(inspect.signature(cls.forward).parameters.values())
        return tuple(p.name for p in parameters[3:] if p.kind is p.POSITIONAL_OR_KEYWORD)

    def gradient_rules(self) -> list[Callable[..., None] | None]:
        """For each input, in order: its gradient rule, or None."""
        return [getattr(self, f"gradient_{name}", None) for name in self.inputs()]

    def needs_y(self) -> bool:
        """Whether a gradient rule asks for y."""
        rules = filter(None, self.gradient_rules())
        return any("y" in inspect.signature(rule).parameters for rule in rules)


functions: Registry[Function] = Registry("function", Function)
