"""Optimizers: what changes the flat vector of parameters, mini-batch by mini-batch or with all
examples at once.

The update rule of a mini-batch works in place on a chunk of the vector, small enough to stay in the
processor's cache through all its passes: `w` the parameters, `g` the gradient (which it may
overwrite). By name it asks for `part`, a work array; for its own state; and for the step's numbers
from `coefficients`.
"""

import math
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mlptrain.backend.call import Array
from mlptrain.backend.kernels import kernel
from mlptrain.optim.schedules import Constant, Schedule
from mlptrain.registry import Definition, Registry

WeightDecay = Annotated[
    float, Field(ge=0, description="pull of the weights, not the biases, towards 0")
]


class Optimizer(Definition):
    """What changes the parameters, and its settings."""

    def state(self) -> tuple[str, ...]:
        """The names of the vectors that are kept from step to step. They start as zeros."""
        return ()

    @property
    def depends_on_epochs(self) -> bool:
        """Whether another number of epochs would change the first steps."""
        return False


optimizers: Registry[Optimizer] = Registry("optimizer", Optimizer)


class MiniBatchOptimizer(Optimizer):
    """An update rule: one step for each mini-batch, from its gradient."""

    learning_rate: Annotated[float, Field(gt=0, description="step size ρ, above 0")]
    schedule: Annotated[
        Schedule, Field(description="how the learning rate changes over the run")
    ] = Constant()
    weight_decay: WeightDecay = 0.0
    clip_norm: Annotated[
        float | None,
        Field(gt=0, description="clip gradients to this Euclidean norm; null: no clipping"),
    ] = None

    @property
    def depends_on_epochs(self) -> bool:
        return self.schedule.depends_on_epochs

    decoupled: ClassVar[bool] = False  # whether weight decay bypasses the gradient

    @abstractmethod
    def coefficients(self, rate: float, step: int) -> tuple[float, ...]:
        """The numbers that `update` needs at `step` = 1, 2, … with learning rate ρ = `rate`."""

    def pull(self, rate: float) -> tuple[float, float]:
        """How weight decay acts: `share` of w is added to the gradient (the gradient of
        weight_decay ‖w‖² / 2), or, if decoupled, w is multiplied by `factor`."""
        if self.decoupled:
            return 0.0, 1 - rate * self.weight_decay
        return self.weight_decay, 1.0

    @kernel("decay")
    def decay(self, xp: Any, w: Array, g: Array, part: Array, coefficients: Array) -> None:
        """g ← g + share w and w ← factor w, with the coefficients of `pull`."""
        share, factor = coefficients
        xp.multiply(w, share, out=part)
        xp.add(g, part, out=g)
        xp.multiply(w, factor, out=w)

    update: ClassVar[Callable[..., None]]


@dataclass(frozen=True)
class Objective:
    """The loss of all training examples, as a function of the parameters.

    Attributes:
        xp: the array module of the vectors.
        w: (n,) the parameters, to be changed in place: `objective.w[...] = …`.
        g: (n,) the gradient at w, once `evaluate` has been called.
        evaluate: writes the gradient at w into g and returns the loss there.
    """

    xp: Any
    w: Array
    g: Array
    evaluate: Callable[[], float]


class FullBatchOptimizer(Optimizer):
    """An algorithm that decides itself where to evaluate the loss of all examples. One iteration is
    an epoch."""

    weight_decay: WeightDecay = 0.0

    def state(self) -> tuple[str, ...]:
        """The names of the vectors that are kept from iteration to iteration; they start as zeros.
        "gradient", the g of the objective, is one of them."""
        return ("gradient",)

    def work(self) -> tuple[str, ...]:
        """The names of vectors that are used within an iteration only."""
        return ()

    @abstractmethod
    def iterate(
        self, objective: Objective, vectors: dict[str, Array], memory: dict[str, float]
    ) -> None:
        """Make one iteration: improve `objective.w`, in place. The loss of the epoch is that of
        the last evaluation.

        vectors: those of `state` and `work`, (n,) each, by name. memory: finite numbers that are
        saved with the state; a "converged" other than 0 ends the training, and so does a
        "stop", short of that."""


@optimizers.register
class SGD(MiniBatchOptimizer):
    """w ← w - ρ g; with momentum μ, v ← μ v + ρ g and w ← w - v, or w ← w - (ρ g + μ v) if nesterov
    (Sutskever et al., 2013)."""

    type: Literal["sgd"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0, description="step size ρ, above 0")] = 0.01
    momentum: Annotated[
        float, Field(ge=0, lt=1, description="share of the previous step that is kept, below 1")
    ] = 0.0
    nesterov: Annotated[bool, Field(description="look ahead along the momentum")] = False

    @model_validator(mode="after")
    def _need_momentum(self) -> Self:
        if self.nesterov and not self.momentum:
            raise PydanticCustomError(
                "conflict", "nesterov needs a momentum above 0", {"at": (("nesterov",),)}
            )
        return self

    def state(self) -> tuple[str, ...]:
        return ("v",) if self.momentum else ()

    def coefficients(self, rate: float, step: int) -> tuple[float, ...]:
        return rate, self.momentum

    @kernel("sgd")
    def update(
        self,
        xp: Any,
        w: Array,
        g: Array,
        part: Array,
        coefficients: Array,
        v: Array | None = None,
    ) -> None:
        rate, momentum = coefficients
        xp.multiply(g, rate, out=g)
        step = g
        if v is not None:
            xp.multiply(v, momentum, out=v)
            xp.add(v, g, out=v)
            step = v
            if self.nesterov:
                xp.multiply(v, momentum, out=part)
                xp.add(g, part, out=g)
                step = g
        xp.subtract(w, step, out=w)


@optimizers.register
class Adam(MiniBatchOptimizer):
    """m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², w ← w - ρ m̂ / (√v̂ + ε), with
    m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) at step t (Kingma & Ba, 2015, algorithm 1)."""

    type: Literal["adam"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, description="step size ρ, above 0")] = 1e-3
    beta_1: Annotated[
        float, Field(ge=0, lt=1, description="decay rate of the mean gradient, below 1")
    ] = 0.9
    beta_2: Annotated[
        float, Field(ge=0, lt=1, description="decay rate of the mean square, below 1")
    ] = 0.999
    epsilon: Annotated[
        float, Field(ge=1e-30, description="keeps the division finite, >= 1e-30")
    ] = 1e-8

    def state(self) -> tuple[str, ...]:
        return ("m", "v")

    def coefficients(self, rate: float, step: int) -> tuple[float, ...]:
        """β₁, β₂, then ε and ρ (1 - β₁) / (1 - β₁ᵗ), both multiplied by the same scale: `update`
        stores m / (1 - β₁) and v / (1 - β₂), which saves two of twelve passes."""
        scale = math.sqrt((1 - self.beta_2**step) / (1 - self.beta_2))
        size = rate * scale * (1 - self.beta_1) / (1 - self.beta_1**step)
        return self.beta_1, self.beta_2, self.epsilon * scale, size

    @kernel("adam")
    def update(
        self, xp: Any, w: Array, g: Array, part: Array, coefficients: Array, m: Array, v: Array
    ) -> None:
        beta_1, beta_2, epsilon, size = coefficients
        xp.multiply(m, beta_1, out=m)
        xp.add(m, g, out=m)
        xp.multiply(v, beta_2, out=v)
        xp.multiply(g, g, out=part)
        xp.add(v, part, out=v)
        xp.sqrt(v, out=part)
        xp.add(part, epsilon, out=part)
        xp.divide(m, part, out=part)
        xp.multiply(part, size, out=part)
        xp.subtract(w, part, out=w)


@optimizers.register
class AdamW(Adam):
    """Adam whose weight decay acts on the weights directly (Loshchilov & Hutter, 2019)."""

    type: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    weight_decay: WeightDecay = 0.01
    decoupled: ClassVar[bool] = True
