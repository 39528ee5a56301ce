"""How the learning rate changes over the run: a factor for each step."""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from mlptrain.optim.improvement import MinDelta, MinDeltaFrom, is_improvement, next_reference
from mlptrain.registry import Definition, Registry


@dataclass(frozen=True)
class Extent:
    """How much a run does: its `epochs`, and in each of them `steps`, on `examples` examples."""

    epochs: int
    steps: int
    examples: int


class Schedule(Definition):
    """Linear warm-up over the first `warmup_epochs`, then the subclass's schedule."""

    depends_on_epochs: ClassVar[bool]  # whether another number of epochs changes the first steps

    warmup_epochs: Annotated[
        float, Field(ge=0, le=1e6, description="epochs of linear growth to the full learning rate")
    ] = 0.0

    def factor_at(self, step: int, run: Extent) -> float:
        """The factor on the learning rate at `step` = 0, 1, …, below epochs · steps of the run."""
        warmup = self.warmup_steps(run)
        if step < warmup:
            return (step + 1) / warmup
        rest = run.steps * run.epochs - warmup
        return self.after_warmup((step - warmup) / rest if rest > 0 else 1.0)

    def warmup_steps(self, run: Extent) -> int:
        """How many steps the warm-up takes."""
        return round(self.warmup_epochs * run.steps)

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
                set, multiplies the learning rate of the epochs that follow; a memory["stop"] other
                than 0 ends the training.
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
class InverseScaling(Constant):
    """The learning rate divided by (t + 1)^power_t in every epoch, where t counts the examples of
    the epochs before, those seen several times included (scikit-learn's invscaling)."""

    type: Literal["invscaling"] = "invscaling"  # type: ignore[assignment]
    power_t: Annotated[
        float, Field(ge=0, description="exponent of the number of examples seen, >= 0")
    ] = 0.5

    def factor_at(self, step: int, run: Extent) -> float:
        epochs = max(0, step - self.warmup_steps(run)) // run.steps
        return float(super().factor_at(step, run) / (epochs * run.examples + 1) ** self.power_t)


@schedules.register
class ReduceOnPlateau(Constant):
    """The learning rate times `factor` whenever a loss has not improved for `patience` epochs."""

    type: Literal["reduce_on_plateau"] = "reduce_on_plateau"  # type: ignore[assignment]
    factor: Annotated[
        float, Field(gt=0, lt=1, description="what the learning rate is multiplied by, below 1")
    ] = 0.1
    patience: Annotated[
        int, Field(ge=1, le=1_000_000, description="epochs to wait for an improvement, >= 1")
    ] = 3
    monitor: Annotated[
        Literal["train_loss", "val_loss"] | None,
        Field(description="train_loss or val_loss; null: val_loss if there is validation"),
    ] = None
    min_delta: MinDelta = 1e-4
    min_delta_from: MinDeltaFrom = "improvement"
    final: Annotated[
        float, Field(ge=0, lt=1, description="least learning rate, as a share of the full one")
    ] = 0.0
    stop_at: Annotated[
        float,
        Field(ge=0, lt=1, description="end at a plateau with at most this share of the full rate"),
    ] = 0.0

    def observe(
        self, values: Mapping[str, float | None], seconds: float, memory: dict[str, float]
    ) -> None:
        loss = values.get(self.monitor or "val_loss")
        if loss is None:
            loss = values["train_loss"]
        assert loss is not None
        reference, kind = memory.get("best", math.inf), self.min_delta_from
        improved = is_improvement(loss, reference, self.min_delta, kind)
        memory["best"] = next_reference(loss, reference, improved=improved, kind=kind)
        memory["waited"] = 0 if improved else memory["waited"] + 1
        if memory["waited"] < self.patience:
            return
        factor = memory.get("factor", 1.0)
        if factor <= self.stop_at:
            memory["stop"] = 1
        else:
            memory.update(factor=max(self.factor * factor, self.final), waited=0)
