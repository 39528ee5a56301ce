"""Dropout (Srivastava et al., 2014)."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mlptrain.autodiff.function import Function, Scratch, Shape, functions
from mlptrain.backend.call import Array
from mlptrain.backend.kernels import kernel


@functions.register
class Dropout(Function):
    """y = x mask, where mask is 0 with probability `rate`, else 1 / (1 - rate), so that the
    expectation of y is x. Each step draws another mask."""

    type: Literal["dropout"] = "dropout"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.5
    stochastic: ClassVar[bool] = True

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {"mask": Scratch(shapes[0])}

    @kernel("dropout")
    def forward(self, xp: Any, out: Array, x: Array, *, mask: Array, random: Any) -> None:
        random.uniform(mask)
        xp.greater_equal(mask, self.rate, out=mask)
        xp.multiply(mask, 1 / (1 - self.rate), out=mask)
        xp.multiply(x, mask, out=out)

    @kernel("dropout_gradient")
    def gradient_x(self, xp: Any, out: Array, g: Array, mask: Array) -> None:
        """g mask"""
        xp.multiply(g, mask, out=out)
