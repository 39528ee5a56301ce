"""What a person sees of a training run."""

from rich.text import Text

from mlptrain.cli import header
from mlptrain.cli.details import data_details
from mlptrain.cli.layout import BEST, EpochTable, aligned, number, plural
from mlptrain.cli.live import TrainingProgress
from mlptrain.cli.notes import Detail
from mlptrain.cli.suggestions import next_commands
from mlptrain.cli.tables import headline
from mlptrain.cli.view import View
from mlptrain.text import show_name, show_path
from mlptrain.training.events import EpochDone, Event, Finished, StepsDone
from mlptrain.training.run import Run

ENDS = {
    "converged": ", converged",
    "optimizer": ", ended by the optimizer",
    "schedule": ", ended by the schedule",
}


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
