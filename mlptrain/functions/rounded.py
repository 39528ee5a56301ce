"""The affine map of a dense layer, with the factors of its products rounded to bfloat16.

The products read 8 significant bits and add up in float32, as the hardware for bfloat16 does. They
are not in the registry, whose rules are compared with differences: rounding is a step function.
"""

import math
from typing import Any, ClassVar

from mlptrain.autodiff.function import Scratch, Shape
from mlptrain.backend.call import Array
from mlptrain.backend.kernels import kernel
from mlptrain.functions.linear import Linear, MatMul


class RoundedMatMul(MatMul):
    """y = x w, as `MatMul`, of rounded factors; so are the gradients. In float32 only."""

    is_rounded: ClassVar[bool] = True

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        """Room for two rounded factors, and for what rounding takes."""
        return {"room": Scratch((3, max(map(math.prod, (*shapes, self.shape(*shapes))))))}

    @kernel("affine")
    def forward(self, xp: Any, out: Array, x: Array, w: Array, *, room: Array) -> None:  # type: ignore[override]
        super().forward(xp, out, *rounded(xp, room, x, w))

    @kernel("affine_gradient_x")
    def gradient_x(self, xp: Any, out: Array, g: Array, w: Array, room: Array) -> None:  # type: ignore[override]
        super().gradient_x(xp, out, *rounded(xp, room, g, w))

    @kernel("affine_gradient_w")
    def gradient_w(self, xp: Any, out: Array, g: Array, x: Array, room: Array) -> None:  # type: ignore[override]
        super().gradient_w(xp, out, *rounded(xp, room, g, x))


class RoundedLinear(RoundedMatMul, Linear):
    """y = x w + b, as `Linear`, with x and w rounded; so are the factors of the gradients."""

    @kernel("affine")
    def forward(  # type: ignore[override]
        self, xp: Any, out: Array, x: Array, w: Array, b: Array, *, room: Array
    ) -> None:
        x, w = rounded(xp, room, x, w)
        Linear.forward(self, xp, out, x, w, b)


def rounded(xp: Any, room: Array, *factors: Array) -> tuple[Array, ...]:
    """The factors (float32) rounded to bfloat16, which is the upper half of a float32, to nearest
    with ties to even; NaN stays NaN. They are written to `room` (factors + 1, entries of the
    largest), whose last row is work memory."""
    near = tuple(row[: x.size].reshape(x.shape) for row, x in zip(room, factors, strict=False))
    for x, y in zip(factors, near, strict=True):
        bits, half = x.view(xp.uint32), y.view(xp.uint32)
        xp.right_shift(bits, 16, out=half)
        xp.bitwise_and(half, 1, out=half)
        xp.add(half, 0x7FFF, out=half)
        xp.add(half, bits, out=half)
        xp.bitwise_and(half, 0xFFFF0000, out=half)
        is_nan = room[-1].view(xp.bool_)[: x.size].reshape(x.shape)
        xp.isnan(x, out=is_nan)
        xp.copyto(y, x, where=is_nan)
    return near
