"""A training run: a trainer, and the folder where its state is saved."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlptrain.backend.call import Array
from mlptrain.errors import DataError, DivergedError, FileSystemError, StoppedError
from mlptrain.paths import reported
from mlptrain.tasks.metrics.measure import finite, metrics_for
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.text import exact, show_path
from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import Checkpoint, Progress
from mlptrain.training.datasets import Splits
from mlptrain.training.environment import environment
from mlptrain.training.events import EpochDone, Event, Finished, Hint, StepsDone
from mlptrain.training.fitting import Fitting
from mlptrain.training.hints import find_hints
from mlptrain.training.run_folder import METRICS, RunFolder
from mlptrain.training.run_record import read_epochs
from mlptrain.training.signals import StopRequest


class Run:
    """Listens to a trainer and writes its checkpoints, metrics and summary.

    Attributes:
        ended: whether the run had already ended when this process started; then nothing is written.
    """

    def __init__(self, fitting: Fitting, folder: RunFolder) -> None:
        self.fitting, self.folder = fitting, folder
        self.given, self.config = fitting.given, fitting.given.config
        self.trainer, self.model = fitting.trainer, fitting.trainer.model
        self.backend = self.model.arena.backend
        self.wanted_threads, self.threads = fitting.wanted_threads, fitting.threads
        self.ended = False

    @property
    def splits(self) -> Splits:
        """The data."""
        return self.fitting.splits

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
            for event in self.fitting.train():
                if isinstance(event, EpochDone):
                    self._save_epoch(event)
                elif isinstance(event, Finished):
                    hints = self._hints(event.test)
                    self._write_summary(event.reason, event.test, hints)
                    yield replace(event, hints=hints)
                    return
                yield event
                if stop.signal_number is not None and isinstance(event, StepsDone):
                    trainer.require_finite()
                    self._save(self.folder.last)
                    message = "training was stopped; its state is saved"
                    raise StoppedError(message, stop.signal_number)
        except DivergedError as error:
            self._write_summary("diverged", None, ())
            done = self.progress.epoch
            kept = f"The state after epoch {done} is kept." if done else "No epoch was finished."
            raise DivergedError(f"{error.what} {kept}", error.remedy) from None

    def checkpoint_bytes(self) -> int:
        """The approximate size of a checkpoint in bytes."""
        arena, vectors = self.model.arena, 1 + len(self.trainer.descent.vectors)
        return arena.values.nbytes * vectors + arena.state.nbytes

    def restore(self, saved: Checkpoint) -> None:
        """Restore a saved state of this run. Raises DataError if the images have changed since
        (once a run has ended, its test split may change), and ModelFileError if the state does not
        fit the model or the best checkpoint, which is needed at the end, cannot be read."""
        self.trainer.resume_from(saved.state.progress)
        self.ended = self.trainer.reason_to_stop() is not None and self.folder.has_summary()
        now, then = self.fitting.fingerprints, saved.state.fingerprints
        changed = sorted(name for name in now | then if now.get(name) != then.get(name))
        if self.ended and changed == ["test"]:
            note = (
                f"data.test: is not what {show_path(self.folder.path)} was tested on, which has "
                "ended and stays as it is. Evaluate it with eval --data."
            )
            notes = (*self.splits.notes, note)
            self.fitting.splits = replace(self.splits, test=None, notes=notes)
        elif changed:
            which = f"{' and '.join(changed)} {self.splits.train.words.many}"
            raise DataError(
                f"{show_path(saved.path)}: the {which} changed since this state was saved, so it "
                "cannot be resumed exactly. Restore them, or start a new run."
            )
        self._fill(saved, self.trainer.state())
        if saved.state.progress.best_epoch:
            self._fill(checkpoint.load(self.folder.best), self.trainer.best())

    def _fill(self, saved: Checkpoint, state: dict[str, dict[str, Array]]) -> None:
        groups = {
            "parameters": ("parameters", saved.parameters),
            "optimizer": ("optimizer state", saved.optimizer),
            "state": ("layers' state arrays", saved.layer_state),
        }
        for group, arrays in state.items():
            kind, found = groups[group]
            checkpoint.fill(saved.path, kind, arrays, found, self.backend)

    def epochs(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl. Raises FileSystemError."""
        path = self.folder.path / METRICS
        with reported(path, FileSystemError):
            return read_epochs(path)

    def _hints(self, test: Outcome | None) -> tuple[Hint, ...]:
        """The hints on a run that is over; none if somebody has removed or damaged its metrics."""
        try:
            rows = self.epochs()
        except FileSystemError:
            return ()
        return find_hints(self.fitting, rows, test)

    def _save_epoch(self, done: EpochDone) -> None:
        self.folder.append_metrics(done.metrics.line())
        if done.best:
            self._save(self.folder.best)
        self._save(self.folder.last)

    def _write_summary(self, reason: str, test: Outcome | None, hints: Sequence[Hint]) -> None:
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
                "hints": [hint._asdict() for hint in hints],
                "examples": {name: len(dataset) for name, dataset in self.splits},
                "task": self.config.task.type,
                "names": [exact(name) for name in self.splits.train.targets.names],
                "parameters": self.model.arena.values.size,
                "init_from": self._shown_origin(),
                "skipped_images": skipped,
                "fingerprints": self.fitting.fingerprints,
                "copies_across_splits": self.splits.copies,
                "seed": self.config.seed,
                "threads": self.threads,
                "kernels": self.backend.kernels,
                "matmul_precision": self.model.matmul_precision,
                "environment": environment(),
            }
        )

    def record(self) -> dict[str, Any]:
        """The run, which is over, as values that JSON has: its folder and its summary."""
        return {"run": exact(self.folder.path), **self.folder.summary()}

    def _shown_origin(self) -> dict[str, str] | None:
        origin = self.fitting.origin
        if origin is None:
            return None
        return {**origin.model_dump(), "path": exact(origin.path)}

    def _save(self, path: Path) -> None:
        document = self.fitting.state(self.progress)
        fetch, state = self.backend.fetch, self.trainer.state()
        arrays = ({name: fetch(each) for name, each in group.items()} for group in state.values())
        checkpoint.save(path, document, *arrays)
