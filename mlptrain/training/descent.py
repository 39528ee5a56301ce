"""How an epoch changes the parameters: by a step on every mini-batch or, in `full_batch.py`, by one
iteration on all examples."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.config.schema import TrainingConfig
from mlptrain.data.batches import Batches
from mlptrain.errors import DefinitionError
from mlptrain.nn.model import Model, Program
from mlptrain.optim.clipping import clip_calls
from mlptrain.optim.optimizers import FullBatchOptimizer, MiniBatchOptimizer
from mlptrain.optim.schedules import Extent
from mlptrain.optim.updater import Updater
from mlptrain.registry import Definition
from mlptrain.training.checkpoint import Progress
from mlptrain.training.events import StepsDone
from mlptrain.training.step import Step
from mlptrain.training.streams import DROPOUT, SHUFFLING, stream

CALL_SECONDS = 0.02  # target for one native call: short enough for the bar and Ctrl-C
PART = 1024  # examples that a full-batch optimizer evaluates at a time
AUTO_BATCH_SIZE = 200


def examples_per_step(training: TrainingConfig, examples: int) -> int:
    """The most of `examples` training examples that a step processes at a time."""
    if isinstance(training.optimizer, FullBatchOptimizer):
        return PART
    match training.batch_size:
        case "auto":
            return min(AUTO_BATCH_SIZE, examples)
        case "full":
            return examples
        case number:
            return min(number, examples)


class Descent(ABC):
    """Changes the parameters of a model, epoch by epoch.

    Attributes:
        vectors: the optimizer's vectors by name, each (n,) like the parameters.
        examples_per_update: how many examples an update is made from.
        remedy: what the user can do if training diverges.
    """

    vectors: dict[str, Array]
    examples_per_update: int
    _coefficients: Array  # (c,) those of the current step
    remedy: ClassVar[str]

    def __init__(self, training: TrainingConfig, model: Model, batches: Batches, seed: int) -> None:
        self._size = examples_per_step(training, len(batches))
        self._model = model
        self._batches = batches
        self._seed = seed
        self._counter = model.arena.backend.empty((1,), np.int64)
        self._counter[0] = 0
        self._steps: dict[int, Step] = {}  # by batch size
        self._steps_per_call = 1

    @property
    def steps_per_epoch(self) -> int:
        """How many updates an epoch makes."""
        return -(-len(self._batches) // self.examples_per_update)

    @abstractmethod
    def steps(self, progress: Progress) -> Iterator[StepsDone]:
        """Make the remaining updates of the current epoch and note them in `progress`. Once a loss
        is NaN or Inf, the caller must stop."""

    def learning_rate(self, progress: Progress, step: int) -> float | None:
        """The learning rate of `step` = 0, 1, …, if the optimizer has one."""
        return None

    def observe(
        self, values: Mapping[str, float | None], seconds: float, progress: Progress
    ) -> None:
        """Called after every epoch with its metrics and the seconds that its updates took."""
        return

    @abstractmethod
    def reason_to_stop(self, progress: Progress) -> str | None:
        """Why the optimizer or its schedule ends the training here, or None if it continues."""

    @abstractmethod
    def _update(self, program: Program) -> Iterable[Call]:
        """The calls of a step that use the gradient. They read `_coefficients`."""

    def step(self, batch_size: int) -> Step:
        """The step for one batch size: the usual one, or that of the last batch."""
        if batch_size not in self._steps:
            self._steps[batch_size] = Step(
                self._model,
                self._batches,
                batch_size,
                update=self._update,
                coefficients=self._coefficients,
                random=(self._seed, DROPOUT),
                counter=self._counter,
            )
        return self._steps[batch_size]

    def _stacks(self, order: NDArray[np.int64], start: int = 0) -> Iterator[NDArray[np.int64]]:
        """`order` from `start` on, in stacks (n, batch) of as many batches as fit into a call."""
        for window in self._batches.windows(order, start):
            first = window.start
            while first < window.stop:
                batch = min(self._size, window.stop - first)
                fitting = min(self._steps_per_call, self.step(batch).most)
                count = min((window.stop - first) // batch, fitting)
                last = first + count * batch
                yield order[first:last].reshape(count, batch)
                first = last

    def _run(
        self, examples: NDArray[np.int64], coefficients: NDArray[np.float64]
    ) -> tuple[list[float], list[int]]:
        """Run the step for each batch of `examples` (n, batch), as `Step.run` does. The time it
        takes decides how many batches the next call gets."""
        step = self.step(examples.shape[1])
        started = time.perf_counter()
        results = step.run(examples, coefficients)
        seconds = (time.perf_counter() - started) / len(examples)
        self._steps_per_call = max(1, int(CALL_SECONDS / seconds))
        return results


class MiniBatchDescent(Descent):
    """An update after each mini-batch; unless `shuffle` is off, a new order in every epoch."""

    remedy: ClassVar[str] = (
        "Try a smaller training.optimizer.learning_rate, or set training.optimizer.clip_norm."
    )

    def __init__(
        self,
        optimizer: MiniBatchOptimizer,
        training: TrainingConfig,
        model: Model,
        batches: Batches,
        seed: int,
    ) -> None:
        super().__init__(training, model, batches, seed)
        self.examples_per_update = self._size
        self._shuffle = training.shuffle
        self._epochs = training.epochs
        self._optimizer = optimizer
        self._l2 = training.l2
        self._updater = Updater(optimizer, self._model.arena, penalized=self._l2 > 0)
        self._coefficients = self._updater.coefficients
        self.vectors = self._updater.state

    def steps(self, progress: Progress) -> Iterator[StepsDone]:
        self._counter[0] = progress.step
        order = self._order(progress.epoch)
        seen = progress.epoch_steps * self._size
        for examples in self._stacks(order, seen):
            batch = examples.shape[1]
            rows = [
                self._updater.row(
                    self.learning_rate(progress, step), progress.steps_before + step + 1, penalty
                )
                for step, penalty in enumerate(self._penalties(examples), start=progress.step)
            ]
            losses, correct = self._run(examples, np.array(rows))
            made = self._made(losses)
            for loss in losses[:made]:
                progress.epoch_loss += loss * batch
            progress.epoch_correct += sum(correct[:made])
            progress.step += made
            progress.epoch_steps += made
            seen += made * batch
            mean = progress.epoch_loss / seen
            yield StepsDone(progress.epoch + 1, progress.epoch_steps, self.steps_per_epoch, mean)

    def _made(self, losses: list[float]) -> int:
        """How many of the steps with these losses count: those up to the first NaN or Inf."""
        return next(
            (i + 1 for i, loss in enumerate(losses) if not math.isfinite(loss)), len(losses)
        )

    def _order(self, epoch: int) -> NDArray[np.int64]:
        """The order (n,) of the examples in `epoch`."""
        if not self._shuffle:
            return np.arange(len(self._batches))
        return self._batches.shuffled(stream(self._seed, SHUFFLING, epoch))

    def _penalties(self, examples: NDArray[np.int64]) -> list[float]:
        """l2 / m for each row of `examples` (n, batch), m being how much its examples count."""
        if not self._l2:
            return [0.0] * len(examples)
        amounts = self._batches.amounts(examples)
        return list(self._l2 / np.where(amounts > 0, amounts, math.inf))

    def _update(self, program: Program) -> Iterable[Call]:
        model, limit = self._model, self._optimizer.clip_norm
        clipping = clip_calls(model.arena, limit) if limit is not None else ()
        penalty = self._updater.penalty_calls(program.loss.value)
        return [*penalty, *clipping, *self._updater.calls(), *model.projections()]

    def learning_rate(self, progress: Progress, step: int) -> float:
        optimizer = self._optimizer
        run = Extent(self._epochs, self.steps_per_epoch, len(self._batches))
        planned = optimizer.schedule.factor_at(step, run)
        return optimizer.learning_rate * planned * progress.schedule.get("factor", 1.0)

    def observe(
        self, values: Mapping[str, float | None], seconds: float, progress: Progress
    ) -> None:
        self._optimizer.schedule.observe(values, seconds, progress.schedule)
        make_floats(progress.schedule, self._optimizer.schedule)

    def reason_to_stop(self, progress: Progress) -> str | None:
        return "schedule" if progress.schedule.get("stop") else None


def make_floats(memory: dict[str, float], owner: Definition) -> None:
    """Make the numbers that `owner` keeps floats, as they are when a checkpoint is loaded. Raises
    DefinitionError for what a checkpoint cannot hold."""
    for name, number in memory.items():
        try:
            memory[name] = float(number)
        except (TypeError, ValueError):
            memory[name] = math.nan
        if not math.isfinite(memory[name]):
            raise DefinitionError(
                f"{type(owner).__name__}: memory[{name!r}] is {number!r}. Only finite numbers can "
                "be saved with the training state."
            )
