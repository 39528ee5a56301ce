"""What a person sees while a command runs.

A terminal gets the same lines as a log file, plus colour and a live progress line. Logs and CI
terminals get no control characters. File and class names are data, so nothing is ever interpreted
as markup.
"""

import sys
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.text import Text

from mlptrain.cli import header
from mlptrain.cli.comparisons import comparison_lines
from mlptrain.cli.details import computing, data_details
from mlptrain.cli.layout import (
    BEST,
    EpochTable,
    aligned,
    labelled,
    number,
    plural,
)
from mlptrain.cli.live import NoDisplay, TerminalDisplay, TrainingProgress, console
from mlptrain.cli.notes import Clock, Detail, Notes, Times
from mlptrain.cli.suggestions import next_commands
from mlptrain.cli.tables import confusions, further_metrics, headline, names_table, worst_examples
from mlptrain.comparison.compare import Comparison
from mlptrain.data.loading.stream import BadImage
from mlptrain.tasks.outcomes.decisions import ConfusionOutcome, DecisionOutcome
from mlptrain.text import show_name, show_path
from mlptrain.training.evaluated_model import EVALUATED, EvaluatedModel
from mlptrain.training.events import EpochDone, Event, Finished, StepsDone
from mlptrain.training.example_results import ExampleResult
from mlptrain.training.run import Run
from mlptrain.training.trained_model import TrainedModel

ENDS = {
    "converged": ", converged",
    "optimizer": ", ended by the optimizer",
    "schedule": ", ended by the schedule",
}
MATRIX_WIDTH = 120  # columns, if there is no terminal to set a limit


class View:
    """A command's output, as much as `detail` says, with a live line on a terminal during long
    tasks. It goes to stdout, or, with `json`, to stderr: stdout is for the object then. `clock`
    returns seconds."""

    def __init__(
        self,
        detail: Detail = Detail.usual,
        *,
        json: bool = False,
        clock: Clock = time.perf_counter,
    ) -> None:
        self._clock, self._json, self.notes = clock, json, Notes(detail)
        self._times = Times(clock)
        self._decoded: set[str] = set()
        errors = console(sys.stderr)
        self.out = errors if json else console(sys.stdout)
        watched = self.out if self.out.is_terminal else errors
        self._live = TerminalDisplay(watched, clock) if self._tells else NoDisplay(clock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.end()

    @property
    def _tells(self) -> bool:
        """Whether more than results is wanted."""
        return self.notes.detail > Detail.results

    def reading(self, what: str, done: int, total: int) -> None:
        """Show how many of the images of `what` are done."""
        self._decoded.add(what)
        self._live.reading(what, done, total)

    def tell_of_reading(self, images: Sequence[BadImage], notes: Sequence[str]) -> None:
        """Report the images that could not be read and are left out, and other notes."""
        for note in dict.fromkeys(notes):  # splits of one folder share their bad images
            self._note(note)
        for bad in images:
            self._note(f"skipped {show_path(bad.path)}: {bad.reason}")
        if images:
            self._note(f"{plural(len(images), 'bad image')} skipped")

    def _label(self, label: str, parts: list[str]) -> None:
        self._line(labelled(label, parts, self.out.width))

    def _line(self, text: str | Text) -> None:
        """Print `text` without wrapping, so that a long command can be pasted."""
        self.out.print(text, soft_wrap=True)

    def _note(self, text: str, detail: Detail = Detail.usual) -> None:
        if detail <= self.notes.detail:
            self._live.end()
            if detail is Detail.usual:
                self.notes.warn(text)
            else:
                self.notes.tell(text, detail)


class TrainingView(View):
    """A training run: a header, one row per epoch above the live line, and how it ended."""

    def start(self, run: Run, *, resume: bool) -> None:
        """Show what will be trained."""
        self._shown, self._tells_of_undefined = run, True
        self._times.end("reading")
        self._progress = TrainingProgress(run.config.training, run.progress, self._clock)
        if self._tells:
            self._warn(run, resume=resume)
            self._show_header(run, resume=resume)

    def _warn(self, run: Run, *, resume: bool) -> None:
        if isinstance(run.wanted_threads, int) and run.wanted_threads > run.threads:
            cores = plural(run.threads, "core")
            self._note(
                f"warning: training.threads is {run.wanted_threads}, but this process may use "
                f"{cores}; it computes with {plural(run.threads, 'thread')}"
            )
        if run.backend.remark:
            self._note(run.backend.remark)
        if not run.folder.locked:
            self._note(
                f"{show_path(run.folder.path)}: this file system has no locks; make sure that no "
                "other process trains here"
            )
        if resume and (nothing := header.nothing_to_resume(run)):
            self._note(nothing)
        self.tell_of_reading(
            [bad for _, dataset in run.splits for bad in dataset.skipped],
            run.splits.notes,
        )
        for line in data_details(run.splits, self._decoded):
            self._note(line, Detail.more)

    def _show_header(self, run: Run, *, resume: bool) -> None:
        self._label("data", header.data(run))
        self._label("run", header.run(run, resume=resume))
        self._line("")
        for row in aligned(header.network(run)):
            self._line(row)
        self._rows = EpochTable(run.trainer.value_names, width=self.out.width)
        if run.trainer.reason_to_stop() is None:
            self._line("")
            self._line(Text(self._rows.titles(), "bold"))

    def show(self, event: Event) -> None:
        """Show one event of the loop."""
        if isinstance(event, StepsDone):
            if self._live.is_due():
                self._live.draw(self._progress.line(event))
        elif isinstance(event, EpochDone):
            self._times.add("training", event.metrics.seconds)
            self._times.end("validation and saving")
            if self._tells:
                self._show_epoch(event)
        else:
            self._times.end("test")
            self._live.end()
            self._finish(event)

    def _show_epoch(self, event: EpochDone) -> None:
        self._line(Text(self._rows.row(event.metrics)).append(BEST * event.best, "green"))
        if event.why_undefined and self._tells_of_undefined:
            self._tells_of_undefined = False
            self._note(
                f"{show_name(self._shown.trainer.monitor)} is undefined after epoch "
                f"{event.metrics.epoch}: {event.why_undefined}. Only an epoch in which it is "
                "defined can be better than the first"
            )

    def _finish(self, finished: Finished) -> None:
        if self._tells:
            self._line("")
            self._note(str(self._times), Detail.more)
        elif self._json:
            return
        else:
            self._label("run", [show_path(self._shown.folder.path)])
        self._show_end(finished)
        if self._tells:
            run, tested = self._shown, finished.test is not None
            argument = run.splits.train.words.argument
            following = next_commands(run.folder.path, run.config.plugins, argument, tested=tested)
            self._label("next", following)

    def _show_end(self, finished: Finished) -> None:
        monitor, best = finished.monitor, number(finished.best_value) or "-"
        kept = f"weights of epoch {finished.best_epoch} kept"
        if finished.reason == "early_stopping":
            waited = plural(finished.waited, "epoch")
            why = f"{monitor} not better than {best} for {waited}"
            stopping = self._shown.config.training.early_stopping
            if stopping and stopping.min_delta_from == "best":
                why = f"{monitor} improved by less than {stopping.min_delta:g} for {waited}"
            self._label("stopped", [f"at epoch {finished.epoch}: {why}", kept])
        else:
            trained = f"{plural(finished.epoch, 'epoch')}{ENDS.get(finished.reason, '')}"
            self._label("done", [trained, f"{kept} ({monitor} {best})"])
        if finished.test is not None:
            name = self._shown.config.task.headline
            value, *rest = headline(name, finished.test)
            self._label("test", [f"{name} {value}", *rest])
        for hint in finished.hints:
            self._label("hint", [f"{hint.fact}.", hint.advice])


class EvaluationView(View):
    """An evaluation as tables, with notes on the images on stderr."""

    def reading(self, what: str, done: int, total: int) -> None:
        """Show how many of the images of `what` are done."""
        if what == EVALUATED:
            self._times.end("evaluation" if done else "reading")
        super().reading(what, done, total)

    def tell_of_images(self, result: EvaluatedModel) -> None:
        """Report what limits the meaning of the numbers."""
        outcome, place, words = result.outcome, show_path(result.data), result.dataset.words
        self.tell_of_reading(result.dataset.skipped, result.notes)
        if isinstance(outcome, DecisionOutcome) and outcome.missing:
            names = ", ".join(f"'{show_name(name)}'" for name in outcome.missing)
            things = words.values if outcome.by_pixel else words.many
            self._note(f"{place}: no {things} of {names}; the means leave them out")
        if result.trained_on:
            which = f"{result.trained_on:,} of the {words.count(outcome.examples)}"
            self._note(f"{place}: the model was trained on {which}")

    def tell_details(self, model: TrainedModel, result: EvaluatedModel) -> None:
        """Tell what was read, how, and how fast."""
        place = show_path(result.data)
        decoded = {place} if self._decoded - {EVALUATED} else set()
        for line in data_details([(place, result.dataset)], decoded):
            self._note(line, Detail.more)
        self._note(computing(model.state.threads, model.network.arena.backend), Detail.more)
        self._note(str(self._times), Detail.more)

    def show_tables(
        self,
        result: EvaluatedModel,
        worst: Sequence[ExampleResult],
        compared: Comparison | None = None,
    ) -> None:
        """The headline and the loss, a row per class, label or number, the confusion matrix, the
        `worst` examples, and what changed from a baseline."""
        outcome, name = result.outcome, result.task.headline
        assert result.checkpoint is not None
        self._live.end()
        self._label("model", [show_path(result.checkpoint), f"epoch {result.epoch}"])
        self._label("data", [show_path(result.data)])
        self._label(name, headline(name, outcome))
        self._label("loss", [f"{outcome.loss:.4f}"])
        if more := further_metrics(outcome, name):
            self._label("metrics", more)
        if outcome.names:
            self.out.print()
            self.out.print(names_table(outcome))
        if isinstance(outcome, ConfusionOutcome):
            self.out.print()
            for part in confusions(outcome, min(self.out.width, MATRIX_WIDTH)):
                self.out.print(part)
        if lines := worst_examples(result.task, worst):
            self._lines(["", *lines])
        if compared:
            self._line("")
            if seen := compared.before.trained_on:
                which = f"{seen:,} of the {result.dataset.words.count(compared.before.examples)}"
                self._note(f"warning: the baseline was trained on {which}")
            self._label("baseline", [show_path(compared.before.model or "a model in memory")])
            self._lines(comparison_lines(compared, result.task))

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._line(line)
