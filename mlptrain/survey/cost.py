"""What a training would cost, from a few real steps."""

import resource
import sys
import time
from typing import Any, NamedTuple

from mlptrain.training.checkpoint import Progress
from mlptrain.training.fitting import Fitting
from mlptrain.training.trainer import Trainer

_STEPS = 3  # that are timed


class Cost(NamedTuple):
    """Attributes:
    parameters: how many are trained.
    steps_per_epoch, epochs: how many there are, if nothing stops training before.
    seconds_per_step, seconds_per_validation: as measured.
    seconds: an estimate for all epochs with their validation.
    memory_bytes: the most that this process has held, with all data and the model.
    """

    parameters: int
    steps_per_epoch: int
    epochs: int
    seconds_per_step: float
    seconds_per_validation: float
    seconds: float
    memory_bytes: int

    def record(self) -> dict[str, Any]:
        """The cost for a program."""
        return self._asdict()


def cost_of(fitting: Fitting) -> Cost:
    """The cost of a training; it is spoilt by the steps that are made. Raises DivergedError."""
    trainer, splits = fitting.trainer, fitting.splits
    step, epochs = _seconds_per_step(trainer), fitting.given.config.training.epochs
    started = time.perf_counter()
    trainer.evaluate(splits.validation)
    validation = time.perf_counter() - started if splits.validation else 0.0
    steps = trainer.descent.steps_per_epoch
    return Cost(
        trainer.model.arena.values.size,
        steps,
        epochs,
        step,
        validation,
        epochs * (steps * step + validation),
        _peak_bytes(),
    )


def _seconds_per_step(trainer: Trainer) -> float:
    """How long a step takes, once its program is built: the first ones do that."""
    for _ in range(2):
        progress, started = Progress(), time.perf_counter()
        for _done in trainer.descent.steps(progress):
            if progress.step >= _STEPS:
                break
        seconds = (time.perf_counter() - started) / max(1, progress.step)
    return seconds


def _peak_bytes() -> int:
    """The largest memory that this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
