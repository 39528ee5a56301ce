"""Everything one training run works on, and the state it saves."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.config.load import GivenConfig
from mlptrain.data.batches import Batches
from mlptrain.data.dataset import Dataset
from mlptrain.data.names import refuse_misspelt
from mlptrain.data.normalization import Normalization
from mlptrain.errors import ConfigError, DataError, ModelFileError
from mlptrain.nn.model import Model, Program
from mlptrain.optim.gradients import GradientNorm
from mlptrain.optim.updater import Updater
from mlptrain.text import exact, show_name, show_path
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import Checkpoint, Progress, State
from mlptrain.training.datasets import Splits
from mlptrain.training.evaluate import Predictor, evaluate
from mlptrain.training.events import EpochMetrics
from mlptrain.training.machine import Threads, environment, set_threads
from mlptrain.training.metrics import Evaluation
from mlptrain.training.run_folder import RunFolder
from mlptrain.training.streams import DROPOUT, INITIALIZATION, restore, state, stream


class Job:
    """A training run: data, model, optimizer, and where it stands in `progress`."""

    def __init__(
        self,
        given: GivenConfig,
        splits: Splits,
        model: Model,
        weights: NDArray[np.float64] | None,
        folder: RunFolder,
        threads: Threads,
    ) -> None:
        self.given = given
        self.config = config = given.config
        self.splits = splits
        self.model = model
        self.backend = model.arena.backend
        self.folder = folder
        self.wanted_threads = threads
        self.threads = set_threads(
            self.backend, threads, config.training.batch_size * model.largest_kernel
        )
        self.progress = Progress()
        self.ended = False  # the run, before this process came: nothing of it is written again
        standard = config.data.normalize == "standard"
        self.normalization = (
            Normalization.fit(splits.train.parts())
            if standard
            else Normalization.identity(splits.image.shape[2])
        )
        self.model.initialize(stream(config.seed, INITIALIZATION))
        self.gradient_norm = GradientNorm(self.model.arena)
        self.updater = Updater(config.training.optimizer, self.model.arena)
        self.dropout = stream(config.seed, DROPOUT)
        self.train = Batches(
            splits.train.images,
            splits.train.labels,
            self.normalization,
            weights,
            splits.train.rows,
            self.backend,
        )
        self.steps_per_epoch = -(-len(self.train) // config.training.batch_size)
        self.fingerprints = {name: dataset.fingerprint() for name, dataset in splits}
        self._predictor = Predictor(self.model, self.normalization)
        self._programs: dict[int, Program] = {}

    @property
    def monitor(self) -> str:
        """The metric that decides which epoch is the best."""
        if self.config.training.early_stopping is not None:
            return self.config.training.early_stopping.monitor
        return "train_loss" if self.splits.validation is None else "val_loss"

    def program(self, batch_size: int) -> Program:
        """The training program for one batch size: the configured one, or the last batch's."""
        if batch_size not in self._programs:
            self._programs[batch_size] = self.model.plan_training(batch_size, self.dropout)
        return self._programs[batch_size]

    def checkpoint_bytes(self) -> int:
        """About how large a checkpoint is."""
        return self.model.arena.values.nbytes * (1 + len(self.updater.state))

    def not_finite(self) -> str | None:
        """The name of the first parameter which, or the optimizer's memory of which, has become NaN
        or Inf; None: the state can be saved."""
        isfinite = self.backend.xp.isfinite
        vectors = (self.model.arena.values, *self.updater.state.values())
        for name, slot in self.model.arena.slots.items():
            if not all(isfinite(vector[slot.range]).all() for vector in vectors):
                return name
        return None

    def learning_rate(self, step: int) -> float:
        """The learning rate of `step` = 0, 1, …"""
        training = self.config.training
        return training.optimizer.learning_rate * training.optimizer.schedule.factor(
            step, self.steps_per_epoch, training.epochs
        )

    def reason_to_stop(self) -> str | None:
        """Why no further epoch is to be made, or None."""
        progress, stopping = self.progress, self.config.training.early_stopping
        if progress.epoch >= self.config.training.epochs:
            return "epochs"
        if stopping and progress.best_epoch:
            waited = progress.epoch - progress.best_epoch
            return "early_stopping" if waited >= stopping.patience else None
        return None

    def is_better(self, metrics: EpochMetrics) -> bool:
        """Whether this epoch beats the best one so far."""
        stopping, best = self.config.training.early_stopping, self.progress.best_value
        value: float = getattr(metrics, self.monitor)
        if best is None:
            return True
        gain = value - best if self.monitor.endswith("accuracy") else best - value
        return gain > (stopping.min_delta if stopping else 0.0)

    def evaluate_validation(self) -> Evaluation | None:
        """The model as it is now on the validation split, if there is one."""
        return self._evaluate(self.splits.validation)

    def evaluate_best(self) -> Evaluation | None:
        """Load the best epoch's weights and evaluate them on the test split, if there is one."""
        saved = checkpoint.load(self.folder.best)
        checkpoint.fill(saved.path, "parameters", self.model.arena.by_name(), saved.parameters)
        return self._evaluate(self.splits.test)

    def save_epoch(self, metrics: EpochMetrics, *, best: bool) -> None:
        """Write what a finished epoch leaves: its metrics, then best, then last."""
        self.folder.append_metrics(asdict(metrics))
        if best:
            self._save(self.folder.best)
        self.save_last()

    def save_last(self) -> None:
        """Write the state as it is now, within an epoch or between two."""
        self._save(self.folder.last)

    def restore(self, saved: Checkpoint) -> None:
        """Go back to a saved state of this run. Raises DataError if its images are not those it was
        trained with (of a run that has ended, those of the test split may be others), and
        ModelFileError if the state does not fit the model, or the best one, which is needed at the
        end, cannot be read."""
        self.progress = saved.state.progress
        self.ended = self.reason_to_stop() is not None and self.folder.has_summary()
        now, then = self.fingerprints, saved.state.fingerprints
        changed = sorted(name for name in now | then if now.get(name) != then.get(name))
        if self.ended and changed == ["test"]:
            note = (
                f"data.test: is not what {show_path(self.folder.path)} was tested on, which has "
                "ended and stays as it is. Evaluate these images with eval --data."
            )
            self.splits = replace(self.splits, test=None, notes=(*self.splits.notes, note))
        elif changed:
            raise DataError(
                f"{show_path(saved.path)}: the {' and '.join(changed)} images changed since this "
                "state was saved, so it cannot be resumed exactly. Restore them, or start a new "
                "run."
            )
        if saved.state.progress.best_epoch:
            checkpoint.load(self.folder.best)
        checkpoint.fill(saved.path, "parameters", self.model.arena.by_name(), saved.parameters)
        checkpoint.fill(saved.path, "optimizer state", self.updater.state, saved.optimizer)
        self.updater.step = self.progress.step
        try:
            restore(self.dropout, saved.state.dropout)
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise ModelFileError(
                f"{show_path(saved.path)}: holds no state of the dropout generator."
            ) from error

    def write_summary(self, reason: str, test: Evaluation | None) -> None:
        """Write summary.json, unless it stands already; `reason` says why training stopped."""
        if self.ended:
            return
        progress = self.progress
        skipped = [
            {"path": exact(bad.path), "reason": bad.reason}
            for _, dataset in self.splits
            for bad in dataset.skipped
        ]
        self.folder.write_summary(
            {
                "config": exact(self.given.path),
                "set": [exact(each) for each in self.given.overrides],
                "reason": reason,
                "epoch": progress.epoch,
                "step": progress.step,
                "monitor": self.monitor,
                "best_epoch": progress.best_epoch,
                "best_value": progress.best_value,
                "test": test.summary() if test else None,
                "examples": {name: len(dataset) for name, dataset in self.splits},
                "class_names": [exact(name) for name in self.splits.train.class_names],
                "parameters": self.model.arena.values.size,
                "skipped_images": skipped,
                "fingerprints": self.fingerprints,
                "copies_across_splits": self.splits.copies,
                "seed": self.config.seed,
                "threads": self.threads,
                "kernels": self.backend.kernels,
                "environment": environment(),
            }
        )

    def _evaluate(self, dataset: Dataset | None) -> Evaluation | None:
        return None if dataset is None else evaluate(self._predictor, dataset)

    def _save(self, path: Path) -> None:
        document = State(
            config=self.config,
            class_names=self.splits.train.class_names,
            image=self.splits.image,
            normalization=self.normalization,
            progress=self.progress,
            dropout=state(self.dropout),
            threads=self.threads,
            kernels=self.backend.kernels,
            fingerprints=self.fingerprints,
            environment=environment(),
        )
        checkpoint.save(path, document, self.model.arena.by_name(), self.updater.state)


def class_weights(setting: Any, dataset: Dataset) -> NDArray[np.float64] | None:
    """(classes,) the weight of each class in the loss, or None for 1 each. "balanced" gives each
    class the same total: n / (classes · its count). Raises ConfigError for an unknown class."""
    if setting is None:
        return None
    names = dataset.class_names
    if setting == "balanced":
        counts = np.bincount(dataset.labels, minlength=len(names))
        return len(dataset) / (len(names) * counts)
    try:
        refuse_misspelt(setting, names)
    except ValueError as error:
        raise ConfigError(f"training.class_weight: {error}") from None
    unknown = [name for name in setting if name not in names]
    if unknown:
        raise ConfigError(
            f"training.class_weight: there is no class {show_name(unknown[0])!r}; "
            f"the classes are {', '.join(map(show_name, names))}"
        )
    return np.array([setting.get(name, 1.0) for name in names])
