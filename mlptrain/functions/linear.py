"""The affine map of a dense layer."""

from typing import Any, ClassVar, Literal

import numpy as np

from mlptrain.autodiff.function import Function, Shape, functions
from mlptrain.backend.call import Array
from mlptrain.backend.kernels import kernel
from mlptrain.errors import DefinitionError


@functions.register
class MatMul(Function):
    """y = x w: x (batch, n), w (n, units) → y (batch, units)."""

    type: Literal["matmul"] = "matmul"
    is_rounded: ClassVar[bool] = False  # whether products read their factors rounded to bfloat16

    def shape(self, *shapes: Shape) -> Shape:
        """Raises DefinitionError for shapes that do not fit: a kernel would read other memory."""
        x, w, *biases = shapes
        if len(x) != 2 or len(w) != 2 or x[1] != w[0] or any(b != w[1:] for b in biases):
            shown = ", ".join(map(str, shapes))
            raise DefinitionError(
                f"{type(self).__name__}: its inputs have the shapes {shown}. Allowed are "
                f"(batch, n), (n, units){' and (units,)' if biases else ''}."
            )
        return (x[0], w[1])

    @kernel("affine")
    def forward(self, xp: Any, out: Array, x: Array, w: Array) -> None:
        xp.matmul(x, w, out=out)

    @kernel("affine_gradient_x")
    def gradient_x(self, xp: Any, out: Array, g: Array, w: Array) -> None:
        """g wᵀ"""
        xp.matmul(g, w.T, out=out)

    @kernel("affine_gradient_w")
    def gradient_w(self, xp: Any, out: Array, g: Array, x: Array) -> None:
        """xᵀ g"""
        xp.matmul(x.T, g, out=out)


@functions.register
class Linear(MatMul):
    """y = x w + b: x (batch, n), w (n, units), b (units,) → y (batch, units)."""

    type: Literal["linear"] = "linear"  # type: ignore[assignment]

    def constants(self, *shapes: Shape) -> dict[str, Array]:
        return {"ones": np.ones(shapes[0][0])}

    @kernel("affine")
    def forward(self, xp: Any, out: Array, x: Array, w: Array, b: Array) -> None:  # type: ignore[override]
        xp.matmul(x, w, out=out)
        xp.add(out, b, out=out)

    @kernel("affine_gradient_b")
    def gradient_b(self, xp: Any, out: Array, g: Array, ones: Array) -> None:
        """Σ g over the batch"""
        xp.dot(ones, g, out=out)
