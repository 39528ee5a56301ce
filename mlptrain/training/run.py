"""A training run: a trainer, and the folder where its state is saved."""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.choice import Threads, set_threads
from mlptrain.config.load import GivenConfig
from mlptrain.data.class_names import refuse_misspelt
from mlptrain.data.dataset import Dataset
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets, MaskTargets, Targets
from mlptrain.errors import ConfigError, DataError, DivergedError, StoppedError
from mlptrain.nn.model import Model
from mlptrain.tasks.metrics.measure import finite, metrics_for
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import exact, show_name, show_path
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import Checkpoint, Progress, State
from mlptrain.training.datasets import Splits
from mlptrain.training.environment import environment
from mlptrain.training.events import EpochDone, Event, Finished, StepsDone
from mlptrain.training.run_folder import RunFolder
from mlptrain.training.signals import StopRequest
from mlptrain.training.trainer import Trainer


class Run:
    """Listens to a trainer and writes its checkpoints, metrics and summary.

    Attributes:
        threads: how many threads compute, out of `wanted_threads`.
        fingerprints: one per split.
        ended: whether the run had already ended when this process started; then nothing is written.
    """

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
        self.ended = False
        self.normalization = _normalization(config.data.normalize, splits.train)
        self.trainer = Trainer(
            config.training,
            config.task,
            model,
            splits.train,
            splits.validation,
            self.normalization,
            weights,
            config.seed,
        )
        self.fingerprints = {name: dataset.fingerprint() for name, dataset in splits}

    @property
    def progress(self) -> Progress:
        """How far training has got."""
        return self.trainer.progress

    def train(self, stop: StopRequest) -> Iterator[Event]:
        """Train to the end, then evaluate the best weights on the test split.

        After each epoch, metrics are written first, then best, then last: whatever a killed process
        wrote beyond `last` is written again on resuming. Raises DivergedError, and, once `stop` has
        noted a signal, StoppedError with the state saved."""
        stop.hold()
        trainer = self.trainer
        try:
            for event in trainer.train():
                if isinstance(event, EpochDone):
                    self._save_epoch(event)
                yield event
                if stop.signal_number is not None and isinstance(event, StepsDone):
                    trainer.require_finite()
                    self._save(self.folder.last)
                    message = "training was stopped; its state is saved"
                    raise StoppedError(message, stop.signal_number)
            trainer.keep_best()
            test = trainer.evaluate(self.splits.test)
            if test is not None and not math.isfinite(test.loss):
                raise trainer.diverged(f"the test loss of the best weights is {test.loss:g}")
        except DivergedError:
            self._write_summary("diverged", None)
            raise
        reason, progress = trainer.reason_to_stop(), trainer.progress
        assert reason is not None
        self._write_summary(reason, test)
        yield Finished(
            reason,
            progress.epoch,
            trainer.monitor,
            progress.best_epoch,
            progress.best_value,
            test,
        )

    def checkpoint_bytes(self) -> int:
        """The approximate size of a checkpoint in bytes."""
        arena, vectors = self.model.arena, 1 + len(self.trainer.updater.state)
        return arena.values.nbytes * vectors + arena.state.nbytes

    def restore(self, saved: Checkpoint) -> None:
        """Restore a saved state of this run. Raises DataError if the images have changed since
        (once a run has ended, its test split may change), and ModelFileError if the state does not
        fit the model or the best checkpoint, which is needed at the end, cannot be read."""
        self.trainer.resume_from(saved.state.progress)
        self.ended = self.trainer.reason_to_stop() is not None and self.folder.has_summary()
        now, then = self.fingerprints, saved.state.fingerprints
        changed = sorted(name for name in now | then if now.get(name) != then.get(name))
        if self.ended and changed == ["test"]:
            note = (
                f"data.test: is not what {show_path(self.folder.path)} was tested on, which has "
                "ended and stays as it is. Evaluate it with eval --data."
            )
            self.splits = replace(self.splits, test=None, notes=(*self.splits.notes, note))
        elif changed:
            which = f"{' and '.join(changed)} {self.splits.train.words.many}"
            raise DataError(
                f"{show_path(saved.path)}: the {which} changed since this state was saved, so it "
                "cannot be resumed exactly. Restore them, or start a new run."
            )
        state = self.trainer.state()
        checkpoint.fill(saved.path, "parameters", state["parameters"], saved.parameters)
        checkpoint.fill(saved.path, "optimizer state", state["optimizer"], saved.optimizer)
        checkpoint.fill(saved.path, "layers' state arrays", state["state"], saved.layer_state)
        if saved.state.progress.best_epoch:
            best = checkpoint.load(self.folder.best)
            kept = self.trainer.best()
            checkpoint.fill(best.path, "parameters", kept["parameters"], best.parameters)
            checkpoint.fill(best.path, "layers' state arrays", kept["state"], best.layer_state)

    def _save_epoch(self, done: EpochDone) -> None:
        self.folder.append_metrics(done.metrics.line())
        if done.best:
            self._save(self.folder.best)
        self._save(self.folder.last)

    def _write_summary(self, reason: str, test: Outcome | None) -> None:
        """Write summary.json, unless it exists; `reason` says why training stopped."""
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
                "monitor": self.trainer.monitor,
                "best_epoch": progress.best_epoch,
                "best_value": progress.best_value,
                "test": finite(metrics_for(test)) if test else None,
                "examples": {name: len(dataset) for name, dataset in self.splits},
                "task": self.config.task.type,
                "names": [exact(name) for name in self.splits.train.targets.names],
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

    def _save(self, path: Path) -> None:
        document = State(
            config=self.config,
            targets=self.trainer.spec,
            shape=self.splits.train.inputs.shape[1:],
            features=self.splits.train.features,
            image=self.splits.image,
            normalization=self.normalization,
            progress=self.progress,
            threads=self.threads,
            kernels=self.backend.kernels,
            plugins=self.given.plugins,
            fingerprints=self.fingerprints,
            environment=environment(),
        )
        state = self.trainer.state()
        checkpoint.save(path, document, state["parameters"], state["optimizer"], state["state"])


def _normalization(setting: str, train: Dataset) -> Normalization:
    """The normalization that data.normalize names, fitted on the training split."""
    if train.inputs.dtype == np.uint8:
        if setting == "none":
            return Normalization.identity(train.inputs.shape[-1])
        return Normalization.of_images(train.parts())
    if setting == "none":
        return Normalization.identity(1, unit=1)
    return Normalization.of_numbers(train.parts())


def class_weights(setting: Any, targets: Targets) -> NDArray[np.float64] | None:
    """(classes,) the weight of each class in the loss, or None for 1 each. "balanced" gives all
    classes the same total: n / (classes · its count). Raises ConfigError for an unknown class."""
    if setting is None:
        return None
    names = targets.names
    if not isinstance(targets, ClassTargets | MaskTargets):
        raise ConfigError("training.class_weight: this task has no classes. Remove it.")
    if setting == "balanced":
        counts = np.bincount(targets.values.reshape(-1), minlength=len(names))[: len(names)]
        return np.asarray(counts.sum() / (len(names) * np.maximum(counts, 1)))
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
