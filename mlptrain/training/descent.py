"""How an epoch changes the parameters: by a step on every mini-batch, or by one iteration on all
examples."""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.config.schema import TrainingConfig
from mlptrain.data.batches import Batches
from mlptrain.errors import ConfigError, DefinitionError
from mlptrain.nn.model import Model
from mlptrain.optim.clipping import clip_calls
from mlptrain.optim.optimizers import FullBatchOptimizer, MiniBatchOptimizer, Objective
from mlptrain.optim.updater import Updater
from mlptrain.training.checkpoint import Progress
from mlptrain.training.events import StepsDone
from mlptrain.training.step import MOST_STEPS, Step
from mlptrain.training.streams import DROPOUT, SHUFFLING, stream

CALL_SECONDS = 0.02  # target for one native call: short enough for the bar and Ctrl-C
PART = 1024  # examples that a full-batch optimizer evaluates at a time


def examples_per_step(training: TrainingConfig) -> int:
    """The most examples that a step processes at a time."""
    is_full = isinstance(training.optimizer, FullBatchOptimizer)
    return PART if is_full else training.batch_size


class Descent(ABC):
    """Changes the parameters of a model, epoch by epoch.

    Attributes:
        vectors: the optimizer's vectors by name, each (n,) like the parameters.
        examples_per_update: how many examples an update is made from.
        remedy: what the user can do if training diverges.
    """

    vectors: dict[str, Array]
    examples_per_update: int
    remedy: ClassVar[str]

    def __init__(self, training: TrainingConfig, model: Model, batches: Batches, seed: int) -> None:
        self._size = examples_per_step(training)
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

    def has_converged(self, progress: Progress) -> bool:
        """Whether further updates would change nothing."""
        return False

    @abstractmethod
    def _step(self, batch_size: int) -> Step:
        """A step on this many examples."""

    def step(self, batch_size: int) -> Step:
        """The step for one batch size: the usual one, or that of the last batch."""
        if batch_size not in self._steps:
            self._steps[batch_size] = self._step(batch_size)
        return self._steps[batch_size]

    def _stacks(self, order: NDArray[np.int64], start: int = 0) -> Iterator[NDArray[np.int64]]:
        """`order` from `start` on, in stacks (n, batch) of as many batches as fit into a call."""
        for window in self._batches.windows(order, start):
            first = window.start
            while first < window.stop:
                batch = min(self._size, window.stop - first)
                count = min((window.stop - first) // batch, self._steps_per_call)
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
        self._steps_per_call = min(max(1, int(CALL_SECONDS / seconds)), MOST_STEPS)
        return results


class MiniBatchDescent(Descent):
    """A shuffled order in every epoch, and an update after each mini-batch."""

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
        self.examples_per_update = training.batch_size
        self._epochs = training.epochs
        self._optimizer = optimizer
        self._updater = Updater(optimizer, self._model.arena)
        self.vectors = self._updater.state

    def steps(self, progress: Progress) -> Iterator[StepsDone]:
        self._counter[0] = progress.step
        order = self._batches.shuffled(stream(self._seed, SHUFFLING, progress.epoch))
        seen = progress.epoch_steps * self._size
        for examples in self._stacks(order, seen):
            count, batch = examples.shape
            rows = [
                self._updater.row(self.learning_rate(progress, step), step + 1)
                for step in range(progress.step, progress.step + count)
            ]
            losses, correct = self._run(examples, np.array(rows))
            made = _until_not_finite(losses)
            for loss in losses[:made]:
                progress.epoch_loss += loss * batch
            progress.epoch_correct += sum(correct[:made])
            progress.step += made
            progress.epoch_steps += made
            seen += made * batch
            mean = progress.epoch_loss / seen
            yield StepsDone(progress.epoch + 1, progress.epoch_steps, self.steps_per_epoch, mean)

    def _step(self, batch_size: int) -> Step:
        model, limit = self._model, self._optimizer.clip_norm
        return Step(
            model,
            self._batches,
            batch_size,
            update=[
                *(clip_calls(model.arena, limit) if limit is not None else ()),
                *self._updater.calls(),
                *model.projections(),
            ],
            coefficients=self._updater.coefficients,
            random=(self._seed, DROPOUT),
            counter=self._counter,
        )

    def learning_rate(self, progress: Progress, step: int) -> float:
        optimizer = self._optimizer
        planned = optimizer.schedule.factor_at(step, self.steps_per_epoch, self._epochs)
        return optimizer.learning_rate * planned * progress.schedule.get("factor", 1.0)

    def observe(
        self, values: Mapping[str, float | None], seconds: float, progress: Progress
    ) -> None:
        self._optimizer.schedule.observe(values, seconds, progress.schedule)
        _make_floats(progress.schedule)


class FullBatchDescent(Descent):
    """An iteration on all examples in every epoch. They are evaluated part by part, in order, and
    the gradients of the parts add up."""

    remedy: ClassVar[str] = (
        "Try data.normalize: standard, a kernel_initializer with smaller weights, or another "
        "training.optimizer."
    )

    def __init__(
        self,
        optimizer: FullBatchOptimizer,
        training: TrainingConfig,
        model: Model,
        batches: Batches,
        seed: int,
    ) -> None:
        super().__init__(training, model, batches, seed)
        _require_fixed(model, optimizer)
        self.examples_per_update = len(batches)
        arena, backend = model.arena, model.arena.backend
        self._optimizer = optimizer
        self.vectors = {name: arena.vector() for name in optimizer.state()}
        self._everything = self.vectors | {name: arena.vector() for name in optimizer.work()}
        self._gradient = self.vectors["gradient"]
        self._pull = backend.empty((arena.decayed,), arena.values.dtype)
        self._share = backend.empty((1,), arena.values.dtype)
        self._objective = Objective(backend.xp, arena.values, self._gradient, self._evaluate)
        self._loss, self._correct = 0.0, 0  # at the last evaluation, without weight decay

    def steps(self, progress: Progress) -> Iterator[StepsDone]:
        if progress.epoch_steps == self.steps_per_epoch:
            return
        with self._model.arena.backend.quiet():
            self._optimizer.iterate(self._objective, self._everything, progress.optimizer)
        _make_floats(progress.optimizer)
        progress.step += 1
        progress.epoch_steps += 1
        progress.epoch_loss = self._loss * len(self._batches)
        progress.epoch_correct = self._correct
        yield StepsDone(progress.epoch + 1, 1, self.steps_per_epoch, self._loss)

    def _evaluate(self) -> float:
        """The mean loss of all examples plus weight_decay ‖w‖² / 2, at the current parameters.
        Writes its gradient into the vector "gradient"."""
        arena, xp = self._model.arena, self._model.arena.backend.xp
        self._gradient[...] = 0
        self._loss, self._correct = 0.0, 0
        for examples in self._stacks(np.arange(len(self._batches))):
            shares = self._batches.shares(examples)
            losses, correct = self._run(examples, shares[:, np.newaxis])
            # one by one: how many losses a call returns depends on its speed, their sum must not
            for share, loss in zip(shares.tolist(), losses, strict=True):
                self._loss += share * loss
            self._correct += sum(correct)
        w, decay = arena.values[: arena.decayed], self._optimizer.weight_decay
        if not decay:
            return self._loss
        xp.multiply(w, decay, out=self._pull)
        xp.add(self._gradient[: arena.decayed], self._pull, out=self._gradient[: arena.decayed])
        return self._loss + decay * float(w.dot(w)) / 2

    def _step(self, batch_size: int) -> Step:
        gradients = self._model.arena.gradients
        add = Call(add_share, self._gradient, {"g": gradients, "share": self._share})
        return Step(
            self._model,
            self._batches,
            batch_size,
            update=[add],
            coefficients=self._share,
            random=(self._seed, DROPOUT),
            counter=self._counter,
        )

    def has_converged(self, progress: Progress) -> bool:
        return "converged" in progress.optimizer


def choose_descent(training: TrainingConfig, model: Model, batches: Batches, seed: int) -> Descent:
    """The descent that suits the optimizer of `training`. Raises DefinitionError if there is none,
    and ConfigError if the optimizer cannot train `model`."""
    match training.optimizer:
        case FullBatchOptimizer() as optimizer:
            return FullBatchDescent(optimizer, training, model, batches, seed)
        case MiniBatchOptimizer() as optimizer:
            return MiniBatchDescent(optimizer, training, model, batches, seed)
    raise DefinitionError(
        f"{type(training.optimizer).__name__} derives from Optimizer alone. Derive it from "
        "MiniBatchOptimizer or FullBatchOptimizer."
    )


def _until_not_finite(losses: list[float]) -> int:
    """How many of `losses` there are up to the first that is NaN or Inf."""
    return next((i + 1 for i, loss in enumerate(losses) if not math.isfinite(loss)), len(losses))


def _make_floats(memory: dict[str, float]) -> None:
    """Make the numbers floats, as they are when a checkpoint is loaded."""
    memory.update({name: float(number) for name, number in memory.items()})


def _require_fixed(model: Model, optimizer: FullBatchOptimizer) -> None:
    """Raise ConfigError unless the loss depends on nothing but the parameters, freely chosen."""
    backend = model.arena.backend
    program = model.plan_training(1, backend.random(0, DROPOUT, backend.empty((1,), np.int64)))
    what = {
        "layers that draw random numbers": any(
            call.arrays["random"] is not None for call in program.plan.forward_calls
        ),
        "layers that keep state": model.arena.state.size > 0,
        "constraints": any(model.projections()),
    }
    for each, is_there in what.items():
        if is_there:
            name = optimizer.model_dump()["type"]
            raise ConfigError(
                f"training.optimizer: {name} cannot train {each}. Remove them, or choose another "
                "optimizer."
            )


def add_share(xp: Any, out: Array, g: Array, share: Array) -> None:
    """out ← out + share · g; overwrites g. share (1,)."""
    xp.multiply(g, share, out=g)
    xp.add(out, g, out=out)
