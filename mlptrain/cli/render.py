"""What a person sees while a command runs; beside `tables.py` the only user of rich.

On a terminal: a header, live bars and colour. Elsewhere, and in CI: plain rows, without a single
control character. File and class names are data, so nothing is ever read as markup.
"""

import math
import os
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from mlptrain.cli.commands import next_commands
from mlptrain.cli.layout import BEST, EpochTable, accuracy, labelled, plural
from mlptrain.cli.tables import class_table, confusions
from mlptrain.data.loading import BadImage
from mlptrain.text import show_path
from mlptrain.training.events import EpochDone, Event, Finished, StepDone
from mlptrain.training.job import Job
from mlptrain.training.machine import blas
from mlptrain.training.saved_model import EvaluatedModel

REFRESH_SECONDS = 0.1
PLAIN_WIDTH = 10_000  # lines in a log file are never wrapped
MATRIX_WIDTH = 120  # columns, where no terminal sets a limit


def is_interactive(stream: TextIO) -> bool:
    """Whether a person watches `stream`: a terminal that is not one of a CI system."""
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return stream.isatty() and not in_ci and os.environ.get("TERM") != "dumb"


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
        self._drawn = time.perf_counter()

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

    def tell_of_reading(self, images: Sequence[BadImage], notes: Sequence[str]) -> None:
        """Say which images could not be read and are left out, and what else is to be known."""
        for note in dict.fromkeys(notes):  # splits of one folder share theirs
            self._note(note)
        for bad in images:
            self._note(f"skipped {show_path(bad.path)}: {bad.reason}")
        if images:
            self._note(f"{plural(len(images), 'bad image')} skipped")

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
        self._drawn = time.perf_counter()  # what is done before the next refresh gets no bar
        if self._bar.live.is_started:  # even if a signal came between its start and its task
            for task in self._bar.task_ids:
                self._bar.remove_task(task)
            self._bar.stop()
            self._task = None

    def _label(self, label: str, parts: list[str]) -> None:
        self._line(labelled(label, parts, self.out.width))

    def _line(self, text: str | Text) -> None:
        """Print `text` without wrapping it, so that a long command can be pasted."""
        self.out.print(text, soft_wrap=True)

    def _note(self, text: str) -> None:
        self.notes.print(text, soft_wrap=True)


class TrainingView(_View):
    """A training run: a header, a bar within the epoch, one row per epoch, and how it ended."""

    def start(self, job: Job, *, resume: bool) -> None:
        """Show what is about to be trained."""
        self._job = job
        if isinstance(job.wanted_threads, int) and job.wanted_threads > job.threads:
            cores = plural(job.threads, "core")
            self._note(f"{job.wanted_threads} threads are wanted; this process may use {cores}")
        if job.backend.remark:
            self._note(job.backend.remark)
        if not job.folder.locked:
            self._note(
                f"{show_path(job.folder.path)}: this file system has no locks; make sure that no "
                "other process trains here"
            )
        if resume and job.reason_to_stop():
            self._note(f"this run is finished, after {plural(job.progress.epoch, 'epoch')}")
        elif resume and job.progress.step:
            self._note(f"resumed at epoch {job.progress.epoch + 1}, step {job.progress.step}")
        elif resume:
            self._note("there is no saved state; starting from the beginning")
        self.tell_of_reading(
            [bad for _, dataset in job.splits for bad in dataset.skipped],
            [note for _, dataset in job.splits for note in dataset.notes],
        )
        if self.out.is_terminal:
            self._label("data", _data(job))
            self._label("run", _run(job))
            self.out.print()
            self.out.print(_network(job))
            self.out.print()
        validated = job.splits.validation is not None
        self._rows = EpochTable(validated=validated, width=self.out.width)
        self._line(Text(self._rows.titles(), "bold"))

    def show(self, event: Event) -> None:
        """Show one event of the loop."""
        if isinstance(event, StepDone):
            self._show_bar(f"epoch {event.epoch}", event.step, event.steps, "steps")
            return
        self._end_bar()
        if isinstance(event, EpochDone):
            self._line(Text(self._rows.row(event.metrics)).append(BEST * event.best, "green"))
        else:
            self._finish(event)

    def _finish(self, finished: Finished) -> None:
        monitor, best = finished.monitor, f"{finished.best_value:.4f}"
        if self.out.is_terminal:
            self.out.print()
        kept = f"weights of epoch {finished.best_epoch} kept"
        if finished.reason == "early_stopping":
            waited = plural(finished.epoch - finished.best_epoch, "epoch")
            why = f"at epoch {finished.epoch}: {monitor} not better than {best} for {waited}"
            self._label("stopped", [why, kept])
        else:
            self._label(
                "done", [f"all {plural(finished.epoch, 'epoch')}", f"{kept} ({monitor} {best})"]
            )
        if finished.test is not None:
            value, *rest = accuracy(finished.test)
            self._label("test", [f"accuracy {value}", *rest])
        folder, tested = self._job.folder.path, finished.test is not None
        self._label("next", next_commands(folder, tested=tested))


class EvaluationView(_View):
    """An evaluation as tables."""

    def show_tables(self, result: EvaluatedModel) -> None:
        """Accuracy and loss, a row per class, and the confusion matrix."""
        evaluation = result.evaluation
        self._end_bar()
        self._label("model", [show_path(result.checkpoint), f"epoch {result.epoch}"])
        self._label("data", [show_path(result.data)])
        self._label("accuracy", accuracy(evaluation))
        self._label("loss", [f"{evaluation.loss:.4f}"])
        self.out.print()
        self.out.print(class_table(evaluation))
        self.out.print()
        for part in confusions(evaluation, min(self.out.width, MATRIX_WIDTH)):
            self.out.print(part)


def _data(job: Job) -> list[str]:
    train = job.splits.train
    return [
        show_path(os.path.relpath(train.root)),
        f"{len(train.class_names)} classes",
        _shape(job),
        " · ".join(f"{name} {len(dataset):,}" for name, dataset in job.splits),
    ]


def _run(job: Job) -> list[str]:
    computing = f"{plural(job.threads, 'thread')}, {job.backend.kernels} kernels"
    return [show_path(job.folder.path), f"seed {job.config.seed}", computing, blas()]


def _shape(job: Job) -> str:
    return "×".join(map(str, job.splits.image.shape))


def _network(job: Job) -> Table:
    """A row per layer: what it makes of how many values, and how many parameters it has."""
    table = Table("layer", "", "shape", "parameters", box=None, pad_edge=False, header_style="bold")
    table.columns[3].justify, table.columns[3].min_width = "right", len("parameters")
    table.add_row("input", "", f"{_shape(job)} → {job.model.inputs}", "")
    for placed in job.model.layers:
        count = sum(math.prod(shape) for shape in placed.shapes().values())
        last = placed is job.model.layers[-1]
        table.add_row(
            placed.name,
            "softmax" if last else placed.layer.summary(),
            f"{placed.inputs} → {placed.outputs}",
            f"{count:,}" if count else "",
        )
    table.add_row("", "", "", f"{job.model.arena.values.size:,}")
    return table
