"""Training, from the first epoch to the last: descend, validate, keep the best weights, repeat.

A trainer works in memory and writes nothing; `run.py` listens to it and writes the files.
"""

import math
import time
from collections.abc import Iterator
from copy import deepcopy
from functools import cached_property

from mlptrain.backend.call import Array
from mlptrain.config.schema import EarlyStopping, TrainingConfig
from mlptrain.data.batches import Batches
from mlptrain.data.dataset import Dataset
from mlptrain.data.normalization import Normalization
from mlptrain.data.shuffling import window_size
from mlptrain.errors import DefinitionError, DivergedError
from mlptrain.nn.model import Model
from mlptrain.optim.improvement import is_improvement, next_reference
from mlptrain.optim.optimizers import FullBatchOptimizer, MiniBatchOptimizer
from mlptrain.tasks.metrics.measure import finite, higher_is_better, needs_scores, value_of
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.tasks.task import Task
from mlptrain.training.checkpoint import Progress
from mlptrain.training.descent import Descent, MiniBatchDescent, examples_per_step
from mlptrain.training.evaluate import Predictor, evaluate
from mlptrain.training.events import EpochDone, EpochMetrics, StepsDone
from mlptrain.training.full_batch import FullBatchDescent
from mlptrain.training.monitor import require_part, why_undefined
from mlptrain.training.streams import INITIALIZATION, stream


class Trainer:
    """Trains `model` on the examples of `train`.

    Args:
        training: the settings, including the optimizer's.
        task: what the model learns.
        model: the model; its parameters are initialized here.
        train: the training examples.
        validation: examples for the metrics after every epoch; None: no validation.
        normalization: converts stored numbers to inputs.
        seed: the seed of all random numbers.

    Attributes:
        batches: the training examples, as a step gathers them.
        progress: how far training has got.
        best_progress: how far it had got after the best epoch.
        descent: how an epoch changes the parameters, with the optimizer's state.
        monitor: the metric that decides which epoch is the best.
        normalization: converts stored numbers to inputs.
        spec: what a model keeps of the training targets.
    """

    def __init__(
        self,
        training: TrainingConfig,
        task: Task,
        model: Model,
        train: Dataset,
        validation: Dataset | None,
        normalization: Normalization,
        seed: int,
    ) -> None:
        self.model = model
        self.progress = self.best_progress = Progress()
        stopping = training.early_stopping
        default = "train_loss" if validation is None else "val_loss"
        self.monitor: str = stopping.monitor if stopping else default
        self.normalization = normalization
        self._training = training
        self._validation = validation
        model.initialize(stream(seed, INITIALIZATION))
        row_bytes = train.inputs[:1].nbytes
        self.batches = Batches(
            train.inputs,
            train.targets,
            normalization,
            train.rows,
            weights=train.weights,
            window=window_size(row_bytes, examples_per_step(training, len(train))),
            backend=model.arena.backend,
        )
        self.descent = choose_descent(training, model, self.batches, seed)
        self._predictor = Predictor(model, normalization)
        self._task, self.spec = task, task.spec(train.targets)
        require_part(self.monitor, task.kind, self.spec.names)
        self._best, self._best_state = model.arena.values.copy(), model.arena.state.copy()

    def train(self) -> Iterator[StepsDone | EpochDone]:
        """Train from `progress` until there is a `reason_to_stop`.

        Raises DivergedError at the first loss that is NaN or Inf, and at the end of an epoch if a
        weight is: some weights do not reach the loss (a unit at -Inf is dead under ReLU)."""
        while self.reason_to_stop() is None:
            started, steps_before = time.perf_counter(), self.progress.epoch_steps
            for done in self.descent.steps(self.progress):
                if not math.isfinite(done.loss):
                    raise self.diverged(f"the loss is {done.loss:g}")
                yield done
            yield self._finish_epoch(steps_before, time.perf_counter() - started)

    def _finish_epoch(self, steps_before: int, seconds: float) -> EpochDone:
        """Validate, and compare with the best epoch."""
        progress, examples = self.progress, len(self.batches)
        self.require_finite()
        validation = self.evaluate(self._validation, keep_scores=self._needs_scores)
        if validation is not None and not math.isfinite(validation.loss):
            raise self.diverged(f"the validation loss is {validation.loss:g}")
        seen = examples - steps_before * self.descent.examples_per_update
        metrics = EpochMetrics(
            epoch=progress.epoch + 1,
            step=progress.step,
            learning_rate=self.descent.learning_rate(progress, progress.step - 1),
            values=self._values(validation),
            seconds=round(seconds, 6),
            examples_per_second=round(max(seen, 0) / seconds, 1),
        )
        best = self.compare(metrics.values[self.monitor])
        progress.epoch_steps, progress.epoch_loss, progress.epoch_correct = 0, 0.0, 0
        if best:
            self._best[...] = self.model.arena.values
            self._best_state[...] = self.model.arena.state
        self.descent.observe(metrics.values, seconds, progress)
        if best:
            self.best_progress = deepcopy(progress)
        why = why_undefined(self.monitor, metrics.values, validation)
        return EpochDone(metrics, best, why)

    @property
    def value_names(self) -> tuple[str, ...]:
        """The names of the values measured in every epoch, without those that lack a split."""
        names = self._values(None)
        validated = self._validation is not None
        return tuple(name for name in names if validated or not name.startswith("val_"))

    def _values(self, validation: Outcome | None) -> dict[str, float | None]:
        """The losses, the task's headline metric and the monitored metric."""
        progress, examples = self.progress, len(self.batches)
        values: dict[str, float | None] = {"train_loss": progress.epoch_loss / examples}
        if self.model.head.score is not None:
            values["train_accuracy"] = progress.epoch_correct / examples
        measured = {}
        if validation is not None:
            measured = finite({name: value_of(name, validation) for name in self._measured})
        return values | {f"val_{name}": measured.get(name) for name in self._measured}

    @cached_property
    def _measured(self) -> tuple[str, ...]:
        """The metrics of the validation split."""
        names = ["loss", self._task.headline]
        if self.monitor.startswith("val_"):
            names.append(self.monitor.removeprefix("val_"))
        return tuple(dict.fromkeys(names))

    @cached_property
    def _needs_scores(self) -> bool:
        """Whether one of these metrics needs the score of each example."""
        return any(needs_scores(name, self._task.kind) for name in self._measured)

    def evaluate(self, dataset: Dataset | None, *, keep_scores: bool = False) -> Outcome | None:
        """The outcome of the current model on `dataset`, if there is one."""
        if dataset is None:
            return None
        return evaluate(self._predictor, self._task, self.spec, dataset, keep_scores=keep_scores)

    def reason_to_stop(self) -> str | None:
        """Why training ends here, or None if it continues."""
        progress, stopping = self.progress, self._training.early_stopping
        if progress.epoch >= self._training.epochs:
            return "epochs"
        if (reason := self.descent.reason_to_stop(progress)) is not None:
            return reason
        is_over = stopping is not None and progress.waited >= stopping.patience
        return "early_stopping" if is_over else None

    def compare(self, value: float | None) -> bool:
        """Note an epoch, just finished, whose monitored metric is `value`. Returns whether it is
        the best so far."""
        progress, best = self.progress, self.progress.best_value
        progress.epoch += 1
        if value is None or best is None:  # a metric can be undefined
            better = improved = best is None and (value is not None or progress.best_epoch == 0)
        else:
            better, improved = self._gains(value, best)
        progress.waited = 0 if improved else progress.waited + 1
        if better:
            progress.best_epoch, progress.best_value = progress.epoch, value
        return better

    def _gains(self, value: float, best: float) -> tuple[bool, bool]:
        """Whether `value` is better than `best`, and whether it counts as an improvement, which
        early stopping waits for."""
        stopping = self._training.early_stopping or EarlyStopping()
        sign = -1 if higher_is_better(self.monitor.partition("_")[2]) else 1
        delta, kind = stopping.min_delta, stopping.min_delta_from
        improved = is_improvement(sign * value, sign * best, delta, kind)
        reference = next_reference(sign * value, sign * best, improved=improved, kind=kind)
        return reference < sign * best, improved

    def state(self) -> dict[str, dict[str, Array]]:
        """The arrays that make up the state, together with `progress`: views, by group and name."""
        arena = self.model.arena
        return {
            "parameters": arena.by_name(),
            "optimizer": self.descent.vectors,
            "state": arena.state_by_name(),
        }

    def best(self) -> dict[str, dict[str, Array]]:
        """The model of the best epoch: views, by group and name."""
        arena = self.model.arena
        return {
            "parameters": arena.by_name(self._best),
            "state": arena.state_by_name(self._best_state),
        }

    def resume_from(self, progress: Progress) -> None:
        """Resume from `progress`, once the arrays of `state` and `best` are filled."""
        self.progress = progress

    def keep_best(self) -> None:
        """Copy the best epoch's parameters and state into the model."""
        self.model.arena.values[...] = self._best
        self.model.arena.state[...] = self._best_state

    def require_finite(self) -> None:
        """Raise DivergedError unless the state, as the last step left it, can be saved."""
        isfinite = self.model.arena.backend.xp.isfinite
        vectors = (self.model.arena.values, *self.descent.vectors.values())
        for name, slot in self.model.arena.slots.items():
            if not all(isfinite(vector[slot.range]).all() for vector in vectors):
                raise self.diverged(f"{name}, or the optimizer's memory of it, became NaN or Inf")
        for name, array in self.model.arena.state_by_name().items():
            if not isfinite(array).all():
                raise self.diverged(f"{name} became NaN or Inf")

    def diverged(self, what: str) -> DivergedError:
        """The error for a value that became NaN or Inf in the last step."""
        progress, per_epoch = self.progress, self.descent.steps_per_epoch
        rate = self.descent.learning_rate(progress, progress.step - 1)
        place = f"epoch {-(-progress.step // per_epoch)}, step {progress.step}"
        at = "" if rate is None else f", at learning_rate {rate:g}"
        return DivergedError(f"training diverged in {place}{at}: {what}.", self.descent.remedy)


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
