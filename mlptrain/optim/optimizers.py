"""Update rules: what one step does to the flat vector of parameters.

A rule sees a chunk of the vector, small enough to stay in the processor's cache through all its
passes, and writes in place: `w` the parameters, `g` the gradient (which it may overwrite), `part` a
work array, then its own state by name. `rate` is the learning rate ρ of this step, `step` counts
from 1.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from mlptrain.backend.numpy import Array
from mlptrain.optim.schedules import Constant, ScheduleChoice
from mlptrain.registry import Definition, Registry


class Optimizer(Definition):
    """An update rule and its settings."""

    learning_rate: Annotated[float, Field(gt=0, description="step size ρ, above 0")]
    schedule: Annotated[
        ScheduleChoice, Field(description="how the learning rate changes over the run")
    ] = Constant()
    weight_decay: Annotated[
        float, Field(ge=0, description="pull of the weights, not the biases, towards 0")
    ] = 0.0
    clip_norm: Annotated[
        float | None,
        Field(gt=0, description="longest gradient allowed, as its Euclidean norm; null: any"),
    ] = None

    def state(self) -> tuple[str, ...]:
        """The names of the vectors the rule keeps from step to step. They start as zeros."""
        return ()

    def decay(self, xp: Any, w: Array, g: Array, part: Array, *, rate: float, step: int) -> None:
        """g ← g + weight_decay w: the gradient of weight_decay ‖w‖² / 2."""
        xp.multiply(w, self.weight_decay, out=part)
        xp.add(g, part, out=g)

    update: ClassVar[Callable[..., None]]


optimizers: Registry[Optimizer] = Registry("optimizer")


@optimizers.register
class SGD(Optimizer):
    """w ← w - ρ g; with momentum μ, v ← μ v + g and w ← w - ρ v, or w ← w - ρ (g + μ v) if
    nesterov (Sutskever et al., 2013)."""

    type: Literal["sgd"] = "sgd"
    learning_rate: Annotated[float, Field(gt=0, description="step size ρ, above 0")] = 0.01
    momentum: Annotated[
        float, Field(ge=0, lt=1, description="share of the last step kept, below 1")
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

    def update(
        self,
        xp: Any,
        w: Array,
        g: Array,
        part: Array,
        v: Array | None = None,
        *,
        rate: float,
        step: int,
    ) -> None:
        if v is None:
            direction = g
        else:
            xp.multiply(v, self.momentum, out=v)
            xp.add(v, g, out=v)
            direction = v
            if self.nesterov:
                xp.multiply(v, self.momentum, out=part)
                xp.add(g, part, out=g)
                direction = g
        xp.multiply(direction, rate, out=part)
        xp.subtract(w, part, out=w)


@optimizers.register
class Adam(Optimizer):
    """m ← β₁ m + (1 - β₁) g, v ← β₂ v + (1 - β₂) g², w ← w - ρ m̂ / (√v̂ + ε), with
    m̂ = m / (1 - β₁ᵗ) and v̂ = v / (1 - β₂ᵗ) at step t (Kingma & Ba, 2015, algorithm 1)."""

    type: Literal["adam"] = "adam"
    learning_rate: Annotated[float, Field(gt=0, description="step size ρ, above 0")] = 1e-3
    beta_1: Annotated[
        float, Field(ge=0, lt=1, description="memory of the mean gradient, below 1")
    ] = 0.9
    beta_2: Annotated[float, Field(ge=0, lt=1, description="memory of its square, below 1")] = 0.999
    epsilon: Annotated[
        float, Field(ge=1e-30, description="keeps the division finite, >= 1e-30")
    ] = 1e-8

    def state(self) -> tuple[str, ...]:
        return ("m", "v")

    def update(
        self,
        xp: Any,
        w: Array,
        g: Array,
        part: Array,
        m: Array,
        v: Array,
        *,
        rate: float,
        step: int,
    ) -> None:
        # m and v are kept as m / (1 - β₁) and v / (1 - β₂), which saves two passes of twelve
        xp.multiply(m, self.beta_1, out=m)
        xp.add(m, g, out=m)
        xp.multiply(v, self.beta_2, out=v)
        xp.multiply(g, g, out=part)
        xp.add(v, part, out=v)
        # ρ m̂ / (√v̂ + ε), with numerator and denominator multiplied by `scale`
        scale = math.sqrt((1 - self.beta_2**step) / (1 - self.beta_2))
        xp.sqrt(v, out=part)
        xp.add(part, self.epsilon * scale, out=part)
        xp.divide(m, part, out=part)
        xp.multiply(part, rate * scale * (1 - self.beta_1) / (1 - self.beta_1**step), out=part)
        xp.subtract(w, part, out=w)


@optimizers.register
class AdamW(Adam):
    """Adam whose weight decay acts on the weights directly (Loshchilov & Hutter, 2019)."""

    type: Literal["adamw"] = "adamw"  # type: ignore[assignment]
    weight_decay: Annotated[
        float, Field(ge=0, description="pull of the weights, not the biases, towards 0")
    ] = 0.01

    def decay(self, xp: Any, w: Array, g: Array, part: Array, *, rate: float, step: int) -> None:
        """w ← (1 - ρ weight_decay) w."""
        xp.multiply(w, 1 - rate * self.weight_decay, out=w)


if TYPE_CHECKING:
    OptimizerChoice = Optimizer
else:
    OptimizerChoice = optimizers.choice()
