"""The descent of an optimizer that evaluates all examples where it likes."""

import math
from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

import numpy as np

from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel
from mlptrain.config.schema import TrainingConfig
from mlptrain.data.batches import Batches
from mlptrain.errors import ConfigError
from mlptrain.nn.model import Model, Program
from mlptrain.optim.optimizers import FullBatchOptimizer, Objective
from mlptrain.training.checkpoint import Progress
from mlptrain.training.descent import Descent, make_floats
from mlptrain.training.events import StepsDone
from mlptrain.training.streams import DROPOUT


class FullBatchDescent(Descent):
    """An iteration on all examples in every epoch. They are evaluated part by part, in order, and
    the gradients of the parts add up. What is minimized, and reported as the training loss, is the
    mean loss plus decay ‖w‖² / 2, where decay is weight_decay + l2 / n for n examples: by the mean
    loss alone, the best epoch would not be the minimum that was found."""

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
        self._decay = optimizer.weight_decay + training.l2 / batches.total
        self.vectors = {name: arena.vector() for name in optimizer.state()}
        self._everything = self.vectors | {name: arena.vector() for name in optimizer.work()}
        self._gradient = self.vectors["gradient"]
        self._pull = backend.empty((arena.decayed,), arena.values.dtype)
        self._coefficients = backend.empty((1,), arena.values.dtype)
        self._objective = Objective(backend.xp, arena.values, self._gradient, self._evaluate)
        self._evaluations = 0
        self._loss, self._correct = 0.0, 0  # at the last evaluation

    def steps(self, progress: Progress) -> Iterator[StepsDone]:
        if progress.epoch_steps == self.steps_per_epoch:
            return
        before = self._evaluations
        with self._model.arena.backend.quiet():
            self._optimizer.iterate(self._objective, self._everything, progress.optimizer)
            if self._evaluations == before:
                self._evaluate()
        if math.isfinite(self._loss):
            make_floats(progress.optimizer, self._optimizer)
        progress.step += 1
        progress.epoch_steps += 1
        progress.epoch_loss = self._loss * len(self._batches)
        progress.epoch_correct = self._correct
        yield StepsDone(progress.epoch + 1, 1, self.steps_per_epoch, self._loss)

    def _evaluate(self) -> float:
        """The mean loss of all examples plus decay ‖w‖² / 2, at the current parameters.
        Writes its gradient into the vector "gradient"."""
        arena, xp = self._model.arena, self._model.arena.backend.xp
        self._evaluations += 1
        self._gradient[...] = 0
        self._loss, self._correct = 0.0, 0
        for examples in self._stacks(np.arange(len(self._batches))):
            shares = self._batches.amounts(examples) / self._batches.total
            losses, correct = self._run(examples, shares[:, np.newaxis])
            # one by one: how many losses a call returns depends on its speed, their sum must not
            for share, loss in zip(shares.tolist(), losses, strict=True):
                self._loss += share * loss
            self._correct += sum(correct)
        w, decay = arena.values[: arena.decayed], self._decay
        if decay:
            xp.multiply(w, decay, out=self._pull)
            xp.add(self._gradient[: arena.decayed], self._pull, out=self._gradient[: arena.decayed])
            self._loss += decay * float(w.dot(w)) / 2
        return self._loss

    def _update(self, program: Program) -> Iterable[Call]:
        arrays = {"g": self._model.arena.gradients, "share": self._coefficients}
        return [Call(add_share, self._gradient, arrays)]

    def reason_to_stop(self, progress: Progress) -> str | None:
        if progress.optimizer.get("converged"):
            return "converged"
        return "optimizer" if progress.optimizer.get("stop") else None


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


@kernel("add_share")
def add_share(xp: Any, out: Array, g: Array, share: Array) -> None:
    """out ← out + share · g; overwrites g. share (1,)."""
    xp.multiply(g, share, out=g)
    xp.add(out, g, out=out)
