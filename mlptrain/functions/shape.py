"""Functions that change how numbers are arranged, not the numbers."""

from typing import Annotated, Any, Literal

from pydantic import Field

from mlptrain.autodiff.function import Function, Shape, functions
from mlptrain.backend.call import Array


@functions.register
class SplitRows(Function):
    """y (batch · parts, n / parts): each row of x (batch, n) cut into `parts` rows."""

    type: Literal["split_rows"] = "split_rows"
    parts: Annotated[int, Field(ge=1)] = 1

    def shape(self, *shapes: Shape) -> Shape:
        batch, n = shapes[0]
        return batch * self.parts, n // self.parts

    def forward(self, _xp: Any, out: Array, x: Array) -> None:
        out[...] = x.reshape(out.shape)

    def gradient_x(self, _xp: Any, out: Array, g: Array) -> None:
        """g, as rows of x"""
        out[...] = g.reshape(out.shape)
