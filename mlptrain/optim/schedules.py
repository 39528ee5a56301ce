"""How the learning rate changes over the run: a factor for each step."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.registry import Definition, Registry


class Schedule(Definition):
    """Linear warm-up over the first `warmup_epochs`, then the subclass's schedule."""

    depends_on_epochs: ClassVar[bool]  # whether another number of epochs changes the first steps

    warmup_epochs: Annotated[
        float, Field(ge=0, le=1e6, description="epochs of linear growth to the full learning rate")
    ] = 0.0

    def factor_at(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """The factor on the learning rate at `step` = 0, 1, …, below epochs · steps_per_epoch."""
        warmup = round(self.warmup_epochs * steps_per_epoch)
        if step < warmup:
            return (step + 1) / warmup
        rest = steps_per_epoch * epochs - warmup
        return self.after_warmup((step - warmup) / rest if rest > 0 else 1.0)

    @abstractmethod
    def after_warmup(self, progress: float) -> float:
        """The factor at `progress`, in [0, 1], the share of the steps after warm-up done so far."""

    def observe(
        self, values: Mapping[str, float | None], seconds: float, memory: dict[str, float]
    ) -> None:
        """Called after every epoch, so that a schedule can react.

        Args:
            values: what the epoch's line of metrics holds, such as "train_loss" and "val_loss".
            seconds: how long its steps took, without those made before a run was resumed.
            memory: numbers that are saved with the training state. memory["factor"], once it is
                set, multiplies the learning rate of the epochs that follow.
        """


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


@schedules.register
class ReduceOnPlateau(Constant):
    """The learning rate times `factor` whenever val_loss or, without validation, train_loss has not
    improved for `patience` epochs."""

    type: Literal["reduce_on_plateau"] = "reduce_on_plateau"  # type: ignore[assignment]
    factor: Annotated[
        float, Field(gt=0, lt=1, description="what the learning rate is multiplied by, below 1")
    ] = 0.1
    patience: Annotated[
        int, Field(ge=1, le=1_000_000, description="epochs to wait for an improvement, >= 1")
    ] = 3
    min_delta: Annotated[
        float, Field(ge=0, description="an improvement must exceed it to count, >= 0")
    ] = 1e-4
    final: Annotated[
        float, Field(ge=0, lt=1, description="least learning rate, as a share of the full one")
    ] = 0.0

    def observe(
        self, values: Mapping[str, float | None], seconds: float, memory: dict[str, float]
    ) -> None:
        loss = values.get("val_loss")
        if loss is None:
            loss = values["train_loss"]
        assert loss is not None
        if loss < memory.get("best", math.inf) - self.min_delta:
            memory.update(best=loss, waited=0)
            return
        memory["waited"] += 1
        if memory["waited"] >= self.patience:
            factor = max(self.factor * memory.get("factor", 1.0), self.final)
            memory.update(factor=factor, waited=0)
