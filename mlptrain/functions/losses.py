"""Loss functions: one number for a batch, a weighted sum over its examples; and a count."""

import math
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from numpy.typing import DTypeLike
from pydantic import Field

from mlptrain.autodiff.function import Function, Scratch, Shape, functions
from mlptrain.backend.call import Array
from mlptrain.backend.kernels import kernel
from mlptrain.functions.activations import Activation, Exponential
from mlptrain.registry import Registry

LEAST_COUNT = 1e-30  # in a logarithm; smaller counts t have t log t = 0


class Loss(Function):
    """L = Σᵢ weightᵢ lossᵢ over the examples i of a batch.

    Inputs: x (batch, n), the predictions; targets, class indices (batch,) or numbers (batch, n);
    weights (batch,), ≥ 0, which sum to 1 for a mean. Only x is differentiable. Class indices stand
    for their one-hot rows.

    Class attributes:
        from_logits: whether x holds logits.
        activation: what turns logits into predictions; None: the task says.
        of_counts: whether targets are counts or rates, from 0 up, which are learned as they are,
            not standardized.
        tasks: the tasks that it fits; empty: all.
    """

    type: str
    from_logits: ClassVar[bool]
    activation: ClassVar[Activation | None] = None
    of_counts: ClassVar[bool] = False
    gradient_x: ClassVar[Callable[..., None]]
    tasks: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def fits_task(cls, task: str) -> bool:
        """Whether the loss fits `task`."""
        return not cls.tasks or task in cls.tasks

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        batch, n = shapes[0]
        return {
            "t": Scratch((batch, n)),  # the targets as numbers
            "p": Scratch((batch, n)),
            "part": Scratch((batch, n)),
            "row": Scratch((batch, 1)),
            "score": Scratch((batch, 1)),
            "place": Scratch((batch, 1), "int64"),
        }

    def constants(self, *shapes: Shape) -> dict[str, Array]:
        batch, n = shapes[0]
        first = np.arange(batch)[:, None] * n  # where each row of x begins
        return {"classes": np.arange(n), "first": first, "ones": np.ones((n, 1))}


losses: Registry[Loss] = Registry("loss", Loss, functions)


@losses.register
class CrossEntropy(Loss):
    """lossᵢ = -Σⱼ tᵢⱼ log softmax(xᵢ)ⱼ, x being logits of any size; rows of t sum to 1.

    Label smoothing ε replaces t by (1 - ε) t + ε / n (Szegedy et al., 2016)."""

    type: Literal["cross_entropy"] = "cross_entropy"
    label_smoothing: Annotated[
        float, Field(ge=0, lt=1, description="share of the target spread evenly over the classes")
    ] = 0.0
    from_logits: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("classification", "segmentation")

    def most(self, dtype: DTypeLike) -> float:
        """The largest lossᵢ in numbers of the type `dtype`; the gradient ignores it."""
        return math.inf

    @kernel("cross_entropy")
    def forward(
        self,
        xp: Any,
        out: Array,
        x: Array,
        targets: Array,
        weights: Array,
        *,
        t: Array,
        p: Array,
        row: Array,
        score: Array,
        place: Array,
        classes: Array,
        first: Array,
        ones: Array,
    ) -> None:
        """lossᵢ = log Σⱼ e^zᵢⱼ - Σⱼ tᵢⱼ zᵢⱼ with z = x - max x; leaves softmax(x) in `p`."""
        write_targets(xp, t, targets, classes)
        if self.label_smoothing:
            xp.multiply(t, 1 - self.label_smoothing, out=t)
            xp.add(t, self.label_smoothing / x.shape[1], out=t)
        # argmax takes a quarter of the time of maximum.reduce over short rows
        x.argmax(axis=1, keepdims=True, out=place)
        xp.add(place, first, out=place)
        x.take(place, out=row, mode="clip")
        xp.subtract(x, row, out=p)
        xp.vecdot(t, p, out=score, keepdims=True)
        xp.exp(p, out=p)
        xp.dot(p, ones, out=row)
        xp.divide(p, row, out=p)
        xp.log(row, out=row)
        xp.subtract(row, score, out=row)
        xp.minimum(row, self.most(row.dtype), out=row)
        xp.dot(row[:, 0], weights, out=out)

    @kernel("cross_entropy_gradient")
    def gradient_x(self, xp: Any, out: Array, g: Array, p: Array, t: Array, weights: Array) -> None:
        """g (softmax(x) - t) weightᵢ"""
        weighted_residual(xp, out, g, p, t, weights)


@losses.register
class BinaryCrossEntropy(Loss):
    """lossᵢ = -Σⱼ (tᵢⱼ log σ(xᵢⱼ) + (1 - tᵢⱼ) log(1 - σ(xᵢⱼ))) / n, x being logits of any size and
    t in [0, 1]."""

    type: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    from_logits: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("multi_label", "autoencoder")

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {**super().scratch(*shapes), "term": Scratch(shapes[0])}

    def forward(
        self,
        xp: Any,
        out: Array,
        x: Array,
        targets: Array,
        weights: Array,
        *,
        t: Array,
        classes: Array,
        p: Array,
        part: Array,
        row: Array,
        term: Array,
    ) -> None:
        """Terms max(x, 0) - x t + log(1 + e^-|x|); leaves σ(x) in `p`."""
        write_targets(xp, t, targets, classes)
        xp.abs(x, out=p)
        xp.negative(p, out=p)
        xp.exp(p, out=p)  # e^-|x|, in (0, 1]
        xp.maximum(x, 0, out=part)
        xp.multiply(x, t, out=term)
        xp.subtract(part, term, out=part)  # exactly 0 where t is sure of the sign of x
        xp.log1p(p, out=term)
        xp.add(part, term, out=part)
        xp.add.reduce(part, axis=1, keepdims=True, out=row)
        xp.multiply(row, 1 / x.shape[1], out=row)
        xp.dot(row[:, 0], weights, out=out)
        xp.greater_equal(x, 0, out=part)  # σ(x) = (1 or e^-|x|) / (1 + e^-|x|)
        xp.maximum(part, p, out=part)
        xp.add(p, 1, out=p)
        xp.divide(part, p, out=p)

    def gradient_x(self, xp: Any, out: Array, g: Array, p: Array, t: Array, weights: Array) -> None:
        """g (σ(x) - t) / n · weightᵢ"""
        xp.subtract(p, t, out=out)
        xp.multiply(out, weights[:, None], out=out)
        xp.multiply(out, 1 / p.shape[1], out=out)
        xp.multiply(out, g, out=out)


@losses.register
class MeanSquaredError(Loss):
    """lossᵢ = Σⱼ (xᵢⱼ - tᵢⱼ)² / n."""

    type: Literal["mean_squared_error"] = "mean_squared_error"
    from_logits: ClassVar[bool] = False

    def forward(
        self,
        xp: Any,
        out: Array,
        x: Array,
        targets: Array,
        weights: Array,
        *,
        t: Array,
        classes: Array,
        p: Array,
        part: Array,
        row: Array,
    ) -> None:
        """Leaves x - t in `p`."""
        write_targets(xp, t, targets, classes)
        xp.subtract(x, t, out=p)
        xp.multiply(p, p, out=part)
        xp.add.reduce(part, axis=1, keepdims=True, out=row)
        xp.multiply(row, 1 / x.shape[1], out=row)
        xp.dot(row[:, 0], weights, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, x: Array, p: Array, weights: Array) -> None:
        """g 2 (x - t) / n · weightᵢ"""
        xp.multiply(p, weights[:, None], out=out)
        xp.multiply(out, 2 / x.shape[1], out=out)
        xp.multiply(out, g, out=out)


@losses.register
class Poisson(Loss):
    """lossᵢ = Σⱼ (tᵢⱼ log(tᵢⱼ / pᵢⱼ) - tᵢⱼ + pᵢⱼ), p = eˣ and t ≥ 0: half the Poisson
    deviance, which is 0 for p = t (McCullagh & Nelder, 1989)."""

    type: Literal["poisson"] = "poisson"
    from_logits: ClassVar[bool] = True
    activation: ClassVar[Activation | None] = Exponential()
    of_counts: ClassVar[bool] = True
    tasks: ClassVar[tuple[str, ...]] = ("regression",)

    def forward(
        self,
        xp: Any,
        out: Array,
        x: Array,
        targets: Array,
        weights: Array,
        *,
        t: Array,
        classes: Array,
        p: Array,
        part: Array,
        row: Array,
    ) -> None:
        """Terms t (log t - x - 1) + eˣ; leaves eˣ in `p`."""
        write_targets(xp, t, targets, classes)
        xp.maximum(t, LEAST_COUNT, out=part)
        xp.log(part, out=part)
        xp.subtract(part, x, out=part)
        xp.subtract(part, 1, out=part)
        xp.multiply(part, t, out=part)
        xp.exp(x, out=p)
        xp.add(part, p, out=part)
        xp.add.reduce(part, axis=1, keepdims=True, out=row)
        xp.dot(row[:, 0], weights, out=out)

    def gradient_x(self, xp: Any, out: Array, g: Array, p: Array, t: Array, weights: Array) -> None:
        """g (eˣ - t) weightᵢ"""
        weighted_residual(xp, out, g, p, t, weights)


@functions.register
class CountCorrect(Function):
    """y = how many rows of x (batch, n) have their largest entry at their label (batch,)."""

    type: Literal["count_correct"] = "count_correct"

    def shape(self, *shapes: Shape) -> Shape:
        return ()

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        batch, _ = shapes[0]
        return {"largest": Scratch((batch,), "int64"), "same": Scratch((batch,))}

    @kernel("count_correct")
    def forward(
        self, xp: Any, out: Array, x: Array, labels: Array, *, largest: Array, same: Array
    ) -> None:
        x.argmax(axis=1, out=largest)
        xp.equal(largest, labels, out=same)
        xp.add.reduce(same, out=out)


def weighted_residual(xp: Any, out: Array, g: Array, p: Array, t: Array, weights: Array) -> None:
    """Write g (p - t) weightᵢ into `out`: the gradient of a loss whose output activation makes the
    predictions p (batch, n) from x by its canonical link. g (), weights (batch,)."""
    xp.subtract(p, t, out=out)
    xp.multiply(out, weights[:, None], out=out)
    xp.multiply(out, g, out=out)


def write_targets(xp: Any, t: Array, targets: Array, classes: Array) -> None:
    """Write the targets into t (batch, n): class indices (batch,) as one-hot rows, else as is.
    `classes` are 0, 1, …, n - 1."""
    if targets.ndim == 2:
        t[...] = targets
        return
    xp.equal(targets[:, None], classes, out=t)
