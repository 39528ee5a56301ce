"""What a person sees while a command runs; the only user of rich.

On a terminal: a header, live bars and colour. Elsewhere, and in CI: plain rows, without a single
control character. File and class names are data, so nothing is ever read as markup.
"""

import math
import os
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Self, TextIO

import numpy as np
from rich.cells import cell_len
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from mlptrain.errors import StoppedError
from mlptrain.files import show_path
from mlptrain.training.evaluation import EvaluatedModel
from mlptrain.training.events import EpochDone, EpochMetrics, Event, Finished, StepDone
from mlptrain.training.job import Job
from mlptrain.training.machine import blas
from mlptrain.training.metrics import Evaluation

REFRESH_SECONDS = 0.1
PLAIN_WIDTH = 10_000  # lines in a log file are never wrapped
MATRIX_WIDTH = 120  # columns, where no terminal sets a limit
MAX_CONFUSIONS = 20


def is_interactive(stream: TextIO) -> bool:
    """Whether a person watches `stream`: a terminal that is not one of a CI system."""
    return stream.isatty() and not os.environ.get("CI") and os.environ.get("TERM") != "dumb"


def console(stream: TextIO) -> Console:
    """A console that takes all text literally, and colours only what a person watches."""
    interactive = is_interactive(stream)
    return Console(
        file=stream,
        force_terminal=interactive,
        force_interactive=interactive,
        no_color=None if interactive else True,
        width=None if interactive else PLAIN_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


class _View:
    """A command's output on stdout, with a bar on stderr while something long runs."""

    def __init__(self) -> None:
        self.out = console(sys.stdout)
        self.notes = console(sys.stderr)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=40),
            MofNCompleteColumn(),
            TextColumn("{task.fields[note]}"),
            console=self.out if self.out.is_terminal else self.notes,
            auto_refresh=False,
            transient=True,
            disable=not (self.out.is_terminal or self.notes.is_terminal),
        )
        self._task: TaskID | None = None
        self._drawn = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end_bar()

    def reading(self, what: str, done: int, total: int) -> None:
        """Show how many of the images of `what` are done."""
        self._show_bar(what, done, total, "images")
        if done == total:
            self._end_bar()

    def _show_bar(self, what: str, done: int, total: int, note: str) -> None:
        now = time.perf_counter()
        if self._bar.disable or now - self._drawn < REFRESH_SECONDS:
            return
        self._drawn = now
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task(what, total=total, note=note)
        self._bar.update(self._task, description=what, completed=done, total=total, note=note)
        self._bar.refresh()

    def _end_bar(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)
            self._bar.stop()
            self._task = None


class TrainingView(_View):
    """A training run: a header, a bar within the epoch, one row per epoch, and how it ended."""

    def start(self, job: Job, *, resume: bool) -> None:
        """Show what is about to be trained."""
        self._job = job
        if resume and job.progress.step:
            self._note(f"resumed at epoch {job.progress.epoch + 1}, step {job.progress.step}")
        elif resume:
            self._note("there is no saved state; starting from the beginning")
        skipped = [bad for _, dataset in job.splits for bad in dataset.skipped]
        for bad in skipped:
            self._note(f"skipped {show_path(bad.path)}: {bad.reason}")
        if skipped:
            self._note(f"{len(skipped)} bad images skipped")
        if self.out.is_terminal:
            for line in _header(job):
                self.out.print(line)
        self.out.print(Text(_row_titles(job), style="bold"))

    def show(self, event: Event) -> None:
        """Show one event of the loop."""
        if isinstance(event, StepDone):
            self._show_bar(f"epoch {event.epoch}", event.step, event.steps, "steps")
            return
        self._end_bar()
        if isinstance(event, EpochDone):
            row = Text(_row(event.metrics))
            if event.best:
                row.append("  best", style="green")
            self.out.print(row)
        else:
            self._finish(event)

    def stopped(self, error: StoppedError, resume_command: str) -> None:
        """Say how to go on after a signal."""
        self._end_bar()
        progress = self._job.progress
        self._note(f"stopped in epoch {progress.epoch + 1} after step {progress.step}; state saved")
        self._note(f"go on with: {resume_command}")

    def _finish(self, finished: Finished) -> None:
        folder = show_path(self._job.folder.path)
        kept = f"weights of epoch {finished.best_epoch} kept"
        best = f"{finished.monitor} {finished.best_value:.4f}"
        if finished.reason == "early_stopping":
            waited = finished.epoch - finished.best_epoch
            line = (
                f"stopped at epoch {finished.epoch}: {finished.monitor} not better than "
                f"{finished.best_value:.4f} for {waited} epochs; {kept}"
            )
        else:
            line = f"finished all {finished.epoch} epochs; {kept} ({best})"
        self.out.print(line)
        if finished.test is not None:
            self.out.print(f"test     accuracy {accuracy(finished.test)}")
            self.out.print(f"next     mlptrain eval {folder}      ", end="")
        else:
            self.out.print("next     ", end="")
        self.out.print(f"mlptrain predict IMAGE --model {folder}")

    def _note(self, text: str) -> None:
        self.notes.print(text)


class EvaluationView(_View):
    """An evaluation as tables."""

    def show_tables(self, result: EvaluatedModel) -> None:
        """Accuracy and loss, a row per class, and the confusion matrix."""
        evaluation = result.evaluation
        self._end_bar()
        self.out.print(f"model     {show_path(result.checkpoint)}   epoch {result.epoch}")
        self.out.print(f"data      {show_path(result.data)}")
        self.out.print(f"accuracy  {accuracy(evaluation)}")
        self.out.print(f"loss      {evaluation.loss:.4f}")
        self.out.print()
        self.out.print(_class_table(evaluation))
        self.out.print()
        for part in _confusions(evaluation, min(self.out.width, MATRIX_WIDTH)):
            self.out.print(part)


def accuracy(evaluation: Evaluation) -> str:
    """The accuracy with what is needed to judge it."""
    low, high = evaluation.accuracy_interval
    return (
        f"{evaluation.accuracy:.4f} (95 % interval {low:.3f}-{high:.3f}, "
        f"n = {evaluation.examples}; majority class {evaluation.majority_baseline:.3f})"
    )


def _header(job: Job) -> list[Text | Table]:
    train = job.splits.train
    sizes = " · ".join(f"{name} {len(dataset):,}" for name, dataset in job.splits)
    shape = "×".join(map(str, train.images.shape[1:]))
    place = show_path(os.path.relpath(train.root))
    layers = Table("layer", "output", "parameters", box=None, pad_edge=False, header_style="dim")
    layers.columns[1].justify = layers.columns[2].justify = "right"
    layers.add_row("input", f"{job.model.inputs:,}", "")
    for placed in job.model.layers:
        count = sum(math.prod(shape) for shape in placed.shapes().values())
        layers.add_row(
            f"{placed.name} {placed.layer.summary()}",
            f"{placed.outputs:,}",
            f"{count:,}" if count else "",
        )
    layers.add_row("", "", f"{job.model.arena.values.size:,}")
    return [
        Text(f"data     {place}   {len(train.class_names)} classes   {sizes}   {shape}"),
        Text(
            f"run      {show_path(job.folder.path)}   seed {job.config.seed}   "
            f"cpu, {job.threads} thread{'s' if job.threads > 1 else ''}, {blas()}"
        ),
        Text(),
        layers,
        Text(),
    ]


def _row_titles(job: Job) -> str:
    validation = "   val_loss   val_accuracy" if job.splits.validation is not None else ""
    return f"epoch   train_loss   train_accuracy{validation}   learning_rate     time"


def _row(metrics: EpochMetrics) -> str:
    validation = ""
    if metrics.val_loss is not None:
        validation = f"   {metrics.val_loss:8.4f}   {metrics.val_accuracy:12.4f}"
    return (
        f"{metrics.epoch:5d}   {metrics.train_loss:10.4f}   {metrics.train_accuracy:14.4f}"
        f"{validation}   {metrics.learning_rate:13.2e}   {metrics.seconds:5.2f} s"
    )


def _class_table(evaluation: Evaluation) -> Table:
    table = Table("class", box=None, pad_edge=False, header_style="bold")
    for title in ("precision", "recall", "f1", "support"):
        table.add_column(title, justify="right")
    columns = (evaluation.precision, evaluation.recall, evaluation.f1, evaluation.support)
    for name, *shares, support in zip(evaluation.class_names, *columns, strict=True):
        table.add_row(show_path(name), *(f"{share:.4f}" for share in shares), f"{support}")
    means = (f"{column.mean():.4f}" for column in columns[:3])
    table.add_row("mean", *means, f"{evaluation.examples}", style="dim")
    return table


def _confusions(evaluation: Evaluation, width: int) -> Iterator[Text | Table]:
    """The confusion matrix as long as it fits into `width`; then its largest entries."""
    names = [show_path(name) for name in evaluation.class_names]
    cells = [[str(count) if count else "·" for count in row] for row in evaluation.confusion]
    for titles in (names, [str(i + 1) for i in range(len(names))]):
        widths = [max(map(cell_len, column)) + 2 for column in zip(titles, *cells, strict=True)]
        labels = (
            names if titles is names else [f"{i} {n}" for i, n in zip(titles, names, strict=True)]
        )
        if max(map(cell_len, labels)) + sum(widths) <= width:
            yield Text("confusion: rows are the true classes, columns the predicted ones")
            yield _matrix(labels, titles, cells)
            return
    yield Text("most frequent confusions")
    yield _largest_confusions(evaluation, names)


def _matrix(labels: list[str], titles: list[str], cells: list[list[str]]) -> Table:
    table = Table("", box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for title in titles:
        table.add_column(title, justify="right", no_wrap=True)
    for index, (label, row) in enumerate(zip(labels, cells, strict=True)):
        styled = [Text(cell, "green" if index == i else "") for i, cell in enumerate(row)]
        table.add_row(label, *styled)
    return table


def _largest_confusions(evaluation: Evaluation, names: list[str]) -> Table:
    table = Table("true", "predicted", box=None, pad_edge=False, header_style="bold")
    table.add_column("count", justify="right")
    wrong = evaluation.confusion.copy()
    np.fill_diagonal(wrong, 0)
    for index in np.argsort(-wrong, axis=None, kind="stable")[:MAX_CONFUSIONS]:
        true, predicted = divmod(int(index), len(names))
        if wrong[true, predicted]:
            table.add_row(names[true], names[predicted], str(wrong[true, predicted]))
    return table
