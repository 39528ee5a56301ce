"""Training from Python: `mlptrain.fit`."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlptrain.api.html import notes_list, shown
from mlptrain.api.model import Model, PathLike
from mlptrain.api.records import Records
from mlptrain.backend.blas import blas_threads_kept
from mlptrain.cli.layout import plural
from mlptrain.cli.live import (
    LiveDisplay,
    NoDisplay,
    NotebookDisplay,
    TerminalDisplay,
    TrainingProgress,
    console,
)
from mlptrain.config.load import GivenConfig, config_of, load_config
from mlptrain.data.sources.arrays import ArraySource, Given
from mlptrain.data.sources.source import Source
from mlptrain.errors import FitInterrupted, UsageError
from mlptrain.tasks.metrics.measure import finite, metrics_for
from mlptrain.text import show_path
from mlptrain.training.events import EpochDone, Event, Finished, StepsDone
from mlptrain.training.fitting import Fitting
from mlptrain.training.run import Run
from mlptrain.training.setup import prepare_fitting, start_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.trained_model import TrainedModel, load_model


class FitResult:
    """A finished training.

    Attributes:
        model: the model, with the weights of the best epoch.
        history: a record per epoch, as in metrics.jsonl; `history["val_loss"]` is an array.
        reason: why training ended: epochs, early_stopping, converged, …; or interrupted.
        best_epoch, monitor, best_value: the epoch whose weights were kept, the metric that decided
            it, and its value there.
        test: the metrics of the test split by name; None without one.
        run_dir: the run folder; None if nothing was written.
        notes: what the user should know about the data.
    """

    def __init__(
        self,
        model: Model,
        history: Records,
        fitting: Fitting,
        finished: Finished | None,
        run_dir: Path | None,
    ) -> None:
        progress = fitting.trainer.progress
        self.model, self.history, self.run_dir = model, history, run_dir
        self.reason = finished.reason if finished else "interrupted"
        self.best_epoch, self.best_value = progress.best_epoch, progress.best_value
        self.monitor = fitting.trainer.monitor
        tested = finished.test if finished else None
        self.test = finite(metrics_for(tested)) if tested else None
        self.notes = tuple(_notes(fitting))

    def save(self, path: PathLike) -> None:
        """Write the model to a checkpoint file. Raises FileSystemError."""
        self.model.save(path)

    def __repr__(self) -> str:
        trained = plural(len(self.history), "epoch")
        ended = "" if self.reason == "epochs" else f", ended by {self.reason}"
        best = f"best epoch {self.best_epoch} ({self.monitor} {shown(self.best_value)})"
        return f"<FitResult: {trained}{ended}, {best}>"

    def _repr_html_(self) -> str:
        return self.model._repr_html_() + self.history._repr_html_() + notes_list(self.notes)


def fit(
    config: PathLike | Mapping[str, Any],
    x: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    validation_data: Sequence[Any] | None = None,
    test_data: Sequence[Any] | None = None,
    plugins: Sequence[PathLike] = (),
    run_dir: PathLike | None = None,
    resume: bool = False,
    progress: bool = True,
) -> FitResult:
    """Train a model.

    Args:
        config: the path of a config file, or a mapping with the same keys.
        x, y: the training examples, in place of data.train. `x` are images uint8 (n, H, W) or
            (n, H, W, C), or numbers (n, …) as floats; `y` are class names or indices (n,), rows of
            0 and 1 (n, labels) or a list of labels per example, numbers (n,) or (n, k), or masks
            (n, H, W); None for an autoencoder.
        sample_weight: (n,) the examples' weights in the loss.
        validation_data, test_data: (x, y) or (x, y, sample_weight), in place of data.validation and
            data.test.
        plugins: Python files with definitions, which are run.
        run_dir: a folder for a run as `mlptrain train` makes it. By default nothing is written.
        resume: continue the run in `run_dir`, if there is one.
        progress: show a live line on a terminal or in a notebook.

    Raises the errors of `mlptrain.errors`. After Ctrl-C it raises FitInterrupted, a
    KeyboardInterrupt whose `result` holds what was finished."""
    sources = _sources(x, y, sample_weight, validation_data, test_data)
    if resume and run_dir is None:
        raise UsageError("resume: needs a run_dir, the folder of the run.")
    with _shown(progress) as display, blas_threads_kept:
        given = _given(config, [Path(each) for each in plugins], sources)
        if run_dir is None:
            return _fit_in_memory(prepare_fitting(given, display.reading), display)
        name, reading = given.path.stem, display.reading
        with start_run(given, name, Path(run_dir), resume=resume, reading=reading) as run:
            return _fit_run(run, display)


def _fit_in_memory(fitting: Fitting, display: LiveDisplay) -> FitResult:
    trainer = fitting.trainer
    records: list[dict[str, Any]] = []

    def result(finished: Finished | None = None) -> FitResult:
        trained = TrainedModel(fitting.state(trainer.best_progress), trainer.model)
        return FitResult(Model(trained), Records(records), fitting, finished, None)

    try:
        return result(_last(fitting.train(), fitting, display, records.append))
    except KeyboardInterrupt:
        trainer.keep_best()
        best = trainer.best_progress.epoch
        raise _interrupted(
            fitting,
            f"the weights of epoch {best}, the best, are in this exception's `result`",
            result() if best else None,
        ) from None


def _fit_run(run: Run, display: LiveDisplay) -> FitResult:
    folder = run.folder

    def result(finished: Finished | None = None) -> FitResult:
        model = Model(load_model(folder.best))
        return FitResult(model, Records(run.epochs()), run.fitting, finished, folder.path)

    try:
        return result(_last(run.train(StopRequest()), run.fitting, display, lambda _: None))
    except KeyboardInterrupt:
        raise _interrupted(
            run.fitting,
            f"the state after epoch {run.progress.epoch} is in {show_path(folder.path)}; "
            "resume=True resumes it",
            result() if run.progress.best_epoch else None,
        ) from None


def _last(
    events: Iterator[Event],
    fitting: Fitting,
    display: LiveDisplay,
    note: Callable[[dict[str, Any]], None],
) -> Finished:
    """Train to the last of `events`; `note` gets the record of every epoch."""
    within_epoch = TrainingProgress(fitting.given.config.training, fitting.trainer.progress)
    for event in events:
        if isinstance(event, Finished):
            return event
        if isinstance(event, EpochDone):
            note(event.metrics.line())
        elif isinstance(event, StepsDone) and display.is_due():
            display.draw(within_epoch.line(event))
    raise AssertionError("training ends with Finished")


def _interrupted(fitting: Fitting, kept: str, result: FitResult | None) -> FitInterrupted:
    progress = fitting.trainer.progress
    what = kept if result else "no epoch was finished, so there is no model"
    return FitInterrupted(f"stopped in epoch {progress.epoch + 1}; {what}", result)


def _given(
    config: PathLike | Mapping[str, Any], plugins: list[Path], sources: dict[str, Source]
) -> GivenConfig:
    if isinstance(config, str | os.PathLike):
        return load_config(Path(config), (), plugins, sources)
    if isinstance(config, Mapping):
        return config_of(config, plugins, sources)
    raise UsageError(
        f"config: is a {type(config).__name__}. Give the path of a config file, or a dict."
    )


def _sources(
    x: Any, y: Any, sample_weight: Any, validation: Sequence[Any] | None, test: Sequence[Any] | None
) -> dict[str, Source]:
    """The sources that stand in for keys of `data`, by these keys."""
    if x is None and (y is not None or sample_weight is not None):
        raise UsageError("y, sample_weight: belong to examples. Give x as well.")
    sources: dict[str, Source] = {}
    if x is not None:
        sources["train"] = ArraySource.of(Given(x, y, sample_weight))
    for key, name, data in (
        ("validation", "validation_data", validation),
        ("test", "test_data", test),
    ):
        if data is None:
            continue
        if not isinstance(data, tuple | list) or not 1 <= len(data) <= 3:
            raise UsageError(f"{name}: must be (x, y) or (x, y, sample_weight).")
        x, y, weight = (*data, None, None)[:3]
        sources[key] = ArraySource.of(Given(x, y, weight, name))
    return sources


@contextmanager
def _shown(progress: bool) -> Iterator[LiveDisplay]:
    """Where the live line appears, if anywhere; it is gone in the end."""
    ipython: Any = sys.modules.get("IPython")
    in_notebook = ipython is not None and hasattr(ipython.get_ipython(), "kernel")
    display: LiveDisplay = NoDisplay()
    if progress and in_notebook:
        display = NotebookDisplay(ipython.display.display)
    elif progress:
        display = TerminalDisplay(console(sys.stderr))
    try:
        yield display
    finally:
        display.end()


def _notes(fitting: Fitting) -> Iterator[str]:
    if remark := fitting.trainer.model.arena.backend.remark:
        yield remark
    yield from fitting.splits.notes
    skipped = [bad for _, dataset in fitting.splits for bad in dataset.skipped]
    for bad in dict.fromkeys(skipped):
        yield f"skipped {show_path(bad.path)}: {bad.reason}"
