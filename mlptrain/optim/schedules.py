"""How the learning rate changes over the run: a factor in [0, 1] for each step."""

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.registry import Definition, Registry


class Schedule(Definition):
    """Linear warm-up over the first `warmup_epochs`, then the subclass's schedule."""

    depends_on_epochs: ClassVar[bool]  # whether another number of epochs changes the first steps

    warmup_epochs: Annotated[
        float, Field(ge=0, le=1e6, description="epochs of linear growth to the full learning rate")
    ] = 0.0

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """The factor on the learning rate at `step` = 0, 1, …, below epochs · steps_per_epoch."""
        warmup = round(self.warmup_epochs * steps_per_epoch)
        if step < warmup:
            return (step + 1) / warmup
        rest = steps_per_epoch * epochs - warmup
        return self.after_warmup((step - warmup) / rest if rest > 0 else 1.0)

    @abstractmethod
    def after_warmup(self, progress: float) -> float:
        """The factor at `progress`, in [0, 1], the share of the steps after warm-up done so far."""


schedules: Registry[Schedule] = Registry("schedule", Schedule)


@schedules.register
class Constant(Schedule):
    """Always the full learning rate."""

    type: Literal["constant"] = "constant"
    depends_on_epochs: ClassVar[bool] = False

    def after_warmup(self, progress: float) -> float:
        return 1.0


@schedules.register
class Cosine(Schedule):
    """Half a cosine wave, from the full learning rate to `final` times it (Loshchilov & Hutter,
    2017)."""

    type: Literal["cosine"] = "cosine"
    depends_on_epochs: ClassVar[bool] = True
    final: Annotated[
        float, Field(ge=0, le=1, description="learning rate at the end, as a share of the full one")
    ] = 0.0

    def after_warmup(self, progress: float) -> float:
        return self.final + (1 - self.final) * (1 + math.cos(math.pi * progress)) / 2
