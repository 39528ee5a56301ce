"""Penalties on large weights: numbers that are added to the loss of a training step."""

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mlptrain.autodiff.function import Function, Scratch, Shape, functions
from mlptrain.backend.call import Array
from mlptrain.registry import Registry

Factor = Annotated[float, Field(ge=0, description="what the penalty is multiplied by")]


class Regularizer(Function):
    """y = a penalty () on a parameter x of any shape."""

    gradient_x: ClassVar[Callable[..., None]]

    def shape(self, *shapes: Shape) -> Shape:
        return ()


regularizers: Registry[Regularizer] = Registry("regularizer", Regularizer, functions)


@regularizers.register
class L1(Regularizer):
    """y = factor Σ |x|, which makes entries exactly 0 in the end (Tibshirani, 1996)."""

    type: Literal["l1"] = "l1"
    factor: Factor = 1e-4

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {"part": Scratch(shapes[0])}

    def forward(self, xp: Any, out: Array, x: Array, *, part: Array) -> None:
        xp.abs(x, out=part)
        xp.add.reduce(part, axis=None, out=out)
        xp.multiply(out, self.factor, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, x: Array) -> None:
        """g factor sign(x)"""
        xp.sign(x, out=out)
        xp.multiply(out, self.factor, out=out)
        xp.multiply(out, g, out=out)


@regularizers.register
class L2(Regularizer):
    """y = factor Σ x² (Hoerl & Kennard, 1970)."""

    type: Literal["l2"] = "l2"
    factor: Factor = 1e-4

    def forward(self, xp: Any, out: Array, x: Array) -> None:
        flat = x.reshape(-1)
        xp.dot(flat, flat, out=out)
        xp.multiply(out, self.factor, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, x: Array) -> None:
        """g 2 factor x"""
        xp.multiply(x, 2 * self.factor, out=out)
        xp.multiply(out, g, out=out)
