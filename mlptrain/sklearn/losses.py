"""The losses of scikit-learn's multi-layer perceptrons that differ from ours. Each belongs to one
output activation, with which its gradient is simply p - t (a canonical link function).
"""

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike

from mlptrain.autodiff.function import Scratch, Shape
from mlptrain.backend.call import Array
from mlptrain.backend.kernels import kernel
from mlptrain.functions.activations import sigmoid
from mlptrain.functions.losses import CrossEntropy, Loss, weighted_residual


class LogLoss(CrossEntropy):
    """Cross-entropy of a softmax whose probabilities are at least the type's epsilon."""

    def most(self, dtype: DTypeLike) -> float:
        return float(-np.log(np.finfo(dtype).eps))


class Canonical(Loss):
    """lossᵢ of the prediction p = f(x) for targets t (batch, n). `forward` leaves f(x) in `p`."""

    from_logits: ClassVar[bool] = True
    forward: ClassVar[Callable[..., None]]

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        batch, n = shapes[0]
        return {
            "p": Scratch((batch, n)),
            "part": Scratch((batch, n)),
            "term": Scratch((batch, n)),
            "rest": Scratch((batch, n)),
            "row": Scratch((batch, 1)),
        }

    def constants(self, *shapes: Shape) -> dict[str, Array]:
        return {}

    @kernel("residual_gradient")
    def gradient_x(
        self, xp: Any, out: Array, g: Array, p: Array, targets: Array, weights: Array
    ) -> None:
        """g (p - t) weightᵢ"""
        weighted_residual(xp, out, g, p, targets, weights)


class BinaryLogLoss(Canonical):
    """lossᵢ = -Σⱼ (tᵢⱼ log pᵢⱼ + (1 - tᵢⱼ) log(1 - pᵢⱼ)), p = σ(x), which is kept the type's
    epsilon away from 0 and 1."""

    type: Literal["binary_log_loss"] = "binary_log_loss"

    @kernel("binary_log_loss")
    def forward(
        self,
        xp: Any,
        out: Array,
        x: Array,
        targets: Array,
        weights: Array,
        *,
        p: Array,
        part: Array,
        term: Array,
        rest: Array,
        row: Array,
    ) -> None:
        sigmoid(xp, p, x)
        least = xp.finfo(p.dtype).eps
        xp.clip(p, least, 1 - least, out=part)
        xp.subtract(1, part, out=term)
        xp.log(part, out=part)
        xp.multiply(part, targets, out=part)
        xp.subtract(1, targets, out=rest)
        xp.log(term, out=term)
        xp.multiply(term, rest, out=term)
        xp.add(part, term, out=part)
        xp.add.reduce(part, axis=1, keepdims=True, out=row)
        xp.negative(row, out=row)
        xp.dot(row[:, 0], weights, out=out)


class SquaredError(Canonical):
    """lossᵢ = Σⱼ (xᵢⱼ - tᵢⱼ)² / (2 n), but with the gradient of Σⱼ (xᵢⱼ - tᵢⱼ)² / 2."""

    type: Literal["squared_error"] = "squared_error"

    @kernel("squared_error")
    def forward(
        self,
        xp: Any,
        out: Array,
        x: Array,
        targets: Array,
        weights: Array,
        *,
        p: Array,
        part: Array,
        row: Array,
    ) -> None:
        xp.copyto(p, x)
        xp.subtract(x, targets, out=part)
        xp.vecdot(part, part, out=row, keepdims=True)
        xp.multiply(row, 1 / (2 * x.shape[1]), out=row)
        xp.dot(row[:, 0], weights, out=out)


LOSSES = (LogLoss, BinaryLogLoss, SquaredError)
