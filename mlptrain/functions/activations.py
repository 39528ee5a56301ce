"""Activation functions, in the order a reader meets them: y = f(x), entry by entry (softmax: row
by row), with the derivative written out in each gradient rule's docstring."""

import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from mlptrain.autodiff.function import Function, Scratch, Shape, functions
from mlptrain.backend.call import Array
from mlptrain.backend.kernels import kernel
from mlptrain.functions.normal import normal_cdf
from mlptrain.registry import Registry


class Activation(Function):
    """`initializer` names the weights' initializer that suits the activation."""

    initializer: ClassVar[str] = "glorot_uniform"
    gradient_x: ClassVar[Callable[..., None]]


class InPlace(Activation):
    """An activation whose derivative follows from y. Its gradient rule builds the derivative in
    `part`, because `out` may be `g`."""

    in_place: ClassVar[bool] = True

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {"part": Scratch(shapes[0])}


activations: Registry[Activation] = Registry("activation", Activation, functions)


@activations.register
class Identity(Activation):
    """y = x."""

    type: Literal["identity"] = "identity"

    def forward(self, xp: Any, out: Array, x: Array) -> None:
        out[...] = x

    def gradient_x(self, xp: Any, out: Array, g: Array) -> None:
        """g"""
        out[...] = g


@activations.register
class ReLU(InPlace):
    """y = max(x, 0), in [0, ∞)."""

    type: Literal["relu"] = "relu"
    initializer: ClassVar[str] = "he_normal"

    @kernel("relu")
    def forward(self, xp: Any, out: Array, x: Array) -> None:
        xp.maximum(x, 0, out=out)

    @kernel("relu_gradient")
    def gradient_x(self, xp: Any, out: Array, g: Array, y: Array, part: Array) -> None:
        """g where y > 0, else 0"""
        xp.greater(y, 0, out=part)
        xp.multiply(part, g, out=out)


@activations.register
class LeakyReLU(InPlace):
    """y = x where x > 0, else negative_slope · x (Maas et al., 2013)."""

    type: Literal["leaky_relu"] = "leaky_relu"
    initializer: ClassVar[str] = "he_normal"
    negative_slope: Annotated[float, Field(ge=0, lt=1, description="slope for x < 0")] = 0.01

    @kernel("leaky_relu")
    def forward(self, xp: Any, out: Array, x: Array, *, part: Array) -> None:
        xp.multiply(x, self.negative_slope, out=part)
        xp.maximum(x, part, out=out)

    @kernel("leaky_relu_gradient")
    def gradient_x(self, xp: Any, out: Array, g: Array, y: Array, part: Array) -> None:
        """g where y > 0, else negative_slope · g"""
        xp.greater(y, 0, out=part)
        xp.multiply(part, 1 - self.negative_slope, out=part)
        xp.add(part, self.negative_slope, out=part)
        xp.multiply(part, g, out=out)


@activations.register
class ELU(Activation):
    """y = x where x > 0, else alpha (eˣ - 1); in (-alpha, ∞) (Clevert et al., 2016)."""

    type: Literal["elu"] = "elu"
    initializer: ClassVar[str] = "he_normal"
    alpha: Annotated[float, Field(ge=0, description="y goes to -alpha as x goes to -∞")] = 1.0

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {"part": Scratch(shapes[0])}

    def forward(self, xp: Any, out: Array, x: Array, *, part: Array) -> None:
        xp.minimum(x, 0, out=out)
        xp.expm1(out, out=out)
        xp.multiply(out, self.alpha, out=out)
        xp.maximum(x, 0, out=part)
        xp.add(out, part, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, y: Array, x: Array, part: Array) -> None:
        """g where x > 0, else g (y + alpha)"""
        xp.greater(x, 0, out=out)
        xp.multiply(out, 1 - self.alpha, out=out)
        xp.add(out, self.alpha, out=out)
        xp.minimum(y, 0, out=part)
        xp.add(out, part, out=out)
        xp.multiply(out, g, out=out)


@activations.register
class GELU(Activation):
    """y = x Φ(x), Φ the standard normal distribution function (Hendrycks & Gimpel, 2016); with
    `approximate`, Φ(x) ≈ (1 + tanh(√(2/π) (x + 0.044715 x³))) / 2."""

    type: Literal["gelu"] = "gelu"
    initializer: ClassVar[str] = "he_normal"
    approximate: Annotated[bool, Field(description="tanh formula instead of the exact Φ")] = False

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {name: Scratch(shapes[0]) for name in ("phi", "part", "other")}

    def forward(
        self, xp: Any, out: Array, x: Array, *, phi: Array, part: Array, other: Array
    ) -> None:
        if self.approximate:
            xp.multiply(x, x, out=phi)
            xp.multiply(phi, 0.044715, out=phi)
            xp.add(phi, 1, out=phi)
            xp.multiply(phi, x, out=phi)
            xp.multiply(phi, math.sqrt(2 / math.pi), out=phi)
            xp.tanh(phi, out=phi)
            xp.add(phi, 1, out=phi)
            xp.multiply(phi, 0.5, out=phi)
        else:
            normal_cdf(xp, phi, x, part, other)
        xp.multiply(x, phi, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, x: Array, phi: Array, part: Array) -> None:
        """g (Φ + x Φ'), Φ' = exp(-x²/2) / √(2π); with `approximate`,
        Φ' = 2 Φ (1 - Φ) √(2/π) (1 + 0.134145 x²)"""
        xp.multiply(x, x, out=out)
        if self.approximate:
            xp.multiply(out, 3 * 0.044715, out=out)
            xp.add(out, 1, out=out)
            xp.multiply(out, 2 * math.sqrt(2 / math.pi), out=out)
            xp.multiply(out, phi, out=out)
            xp.subtract(1, phi, out=part)
            xp.multiply(out, part, out=out)
        else:
            xp.multiply(out, -0.5, out=out)
            xp.exp(out, out=out)
            xp.multiply(out, 1 / math.sqrt(2 * math.pi), out=out)
        xp.multiply(out, x, out=out)
        xp.add(out, phi, out=out)
        xp.multiply(out, g, out=out)


@activations.register
class SiLU(Activation):
    """y = x σ(x), σ the sigmoid; also called swish (Elfwing et al., 2018)."""

    type: Literal["silu"] = "silu"
    initializer: ClassVar[str] = "he_normal"

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {"sigma": Scratch(shapes[0])}

    def forward(self, xp: Any, out: Array, x: Array, *, sigma: Array) -> None:
        sigmoid(xp, sigma, x)
        xp.multiply(x, sigma, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, x: Array, sigma: Array) -> None:
        """g σ (1 + x (1 - σ))"""
        xp.subtract(1, sigma, out=out)
        xp.multiply(out, x, out=out)
        xp.add(out, 1, out=out)
        xp.multiply(out, sigma, out=out)
        xp.multiply(out, g, out=out)


@activations.register
class Tanh(InPlace):
    """y = tanh(x), in (-1, 1)."""

    type: Literal["tanh"] = "tanh"

    @kernel("tanh")
    def forward(self, xp: Any, out: Array, x: Array) -> None:
        xp.tanh(x, out=out)

    @kernel("tanh_gradient")
    def gradient_x(self, xp: Any, out: Array, g: Array, y: Array, part: Array) -> None:
        """g (1 - y²)"""
        xp.multiply(y, y, out=part)
        xp.subtract(1, part, out=part)
        xp.multiply(part, g, out=out)


@functions.register
class Exponential(Activation):
    """y = eˣ, in (0, ∞): of output layers only, as between layers it overflows."""

    type: Literal["exponential"] = "exponential"
    in_place: ClassVar[bool] = True

    def forward(self, xp: Any, out: Array, x: Array) -> None:
        xp.exp(x, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, y: Array) -> None:
        """g y"""
        xp.multiply(g, y, out=out)


@activations.register
class Sigmoid(InPlace):
    """y = 1 / (1 + e⁻ˣ), in (0, 1)."""

    type: Literal["sigmoid"] = "sigmoid"

    @kernel("sigmoid")
    def forward(self, xp: Any, out: Array, x: Array) -> None:
        sigmoid(xp, out, x)

    @kernel("sigmoid_gradient")
    def gradient_x(self, xp: Any, out: Array, g: Array, y: Array, part: Array) -> None:
        """g y (1 - y)"""
        xp.subtract(1, y, out=part)
        xp.multiply(part, y, out=part)
        xp.multiply(part, g, out=out)


@activations.register
class Softplus(Activation):
    """y = log(1 + eˣ), in (0, ∞): a smooth max(x, 0)."""

    type: Literal["softplus"] = "softplus"
    initializer: ClassVar[str] = "he_normal"

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {"part": Scratch(shapes[0])}

    def forward(self, xp: Any, out: Array, x: Array, *, part: Array) -> None:
        """As max(x, 0) + log(1 + e^-|x|), which cannot overflow."""
        xp.abs(x, out=out)
        xp.negative(out, out=out)
        xp.exp(out, out=out)
        xp.log1p(out, out=out)
        xp.maximum(x, 0, out=part)
        xp.add(out, part, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, y: Array) -> None:
        """g (1 - e⁻ʸ), which is g σ(x)"""
        xp.negative(y, out=out)
        xp.expm1(out, out=out)
        xp.negative(out, out=out)
        xp.multiply(out, g, out=out)


@activations.register
class Softmax(Activation):
    """yᵢ = e^xᵢ / Σⱼ e^xⱼ over each row of x (batch, n): positive, summing to 1."""

    type: Literal["softmax"] = "softmax"

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {"row": Scratch((shapes[0][0], 1)), "part": Scratch(shapes[0])}

    @kernel("softmax")
    def forward(self, xp: Any, out: Array, x: Array, *, row: Array) -> None:
        """Subtracts the row's largest x first, so that nothing overflows."""
        xp.maximum.reduce(x, axis=1, keepdims=True, out=row)
        xp.subtract(x, row, out=out)
        xp.exp(out, out=out)
        xp.add.reduce(out, axis=1, keepdims=True, out=row)
        xp.divide(out, row, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, y: Array, part: Array, row: Array) -> None:
        """y (g - Σⱼ gⱼ yⱼ)"""
        xp.multiply(g, y, out=part)
        xp.add.reduce(part, axis=1, keepdims=True, out=row)
        xp.subtract(g, row, out=out)
        xp.multiply(out, y, out=out)


def sigmoid(xp: Any, out: Array, x: Array) -> None:
    """Write 1 / (1 + e⁻ˣ) into `out`. e⁻ˣ may overflow to Inf, which gives the right 0."""
    xp.negative(x, out=out)
    xp.exp(out, out=out)
    xp.add(out, 1, out=out)
    xp.divide(1, out, out=out)
