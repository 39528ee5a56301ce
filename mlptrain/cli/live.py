"""The live line of a long task: on a terminal, or in a notebook."""

import os
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from html import escape
from typing import Any, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from mlptrain.cli.layout import LiveLine, duration, number
from mlptrain.cli.notes import Clock
from mlptrain.config.schema import TrainingConfig
from mlptrain.training.checkpoint import Progress
from mlptrain.training.events import StepsDone

REFRESH_SECONDS = 0.1
PLAIN_WIDTH = 10_000  # lines in a log file are never wrapped


def is_interactive(stream: TextIO) -> bool:
    """Whether a person watches `stream`: it is a terminal, and not a CI system's."""
    in_ci = os.environ.get("CI", "").lower() not in ("", "0", "false")
    return stream.isatty() and not in_ci and os.environ.get("TERM") != "dumb"


def console(stream: TextIO) -> Console:
    """A console that prints all text literally, with colour only for a person."""
    interactive = is_interactive(stream)
    return Console(
        file=stream,
        force_terminal=interactive,
        force_interactive=interactive,
        force_jupyter=False,
        no_color=None if interactive else True,
        width=None if interactive else PLAIN_WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


class LiveDisplay(ABC):
    """A place for a live line, which is drawn at most every REFRESH_SECONDS."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock = clock
        self._drawn = clock()

    def is_due(self) -> bool:
        """Whether a person watches, and the refresh interval has passed."""
        return self._clock() - self._drawn >= REFRESH_SECONDS

    def draw(self, line: LiveLine) -> None:
        """Show `line` in place of the last one."""
        self._drawn = self._clock()
        self._show(line)

    def end(self) -> None:
        """Remove the line; updates before the next refresh are not shown."""
        self._drawn = self._clock()
        self._remove()

    def reading(self, what: str, done: int, total: int) -> None:
        """Show how many of the images of `what` are done."""
        if self.is_due():
            self.draw(LiveLine(what, done, total, {"images": f"{done}/{total} images"}))
        if done == total:
            self.end()

    @abstractmethod
    def _show(self, line: LiveLine) -> None: ...

    @abstractmethod
    def _remove(self) -> None: ...


class NoDisplay(LiveDisplay):
    """Shows nothing."""

    def is_due(self) -> bool:
        return False

    def _show(self, line: LiveLine) -> None:
        return

    def _remove(self) -> None:
        return


class TerminalDisplay(LiveDisplay):
    """A live line at the end of what was printed on a terminal, also while more is printed there by
    `console`; nothing elsewhere."""

    def __init__(self, console: Console, clock: Clock = time.perf_counter) -> None:
        super().__init__(clock)
        self._is_watched = console.is_terminal
        self._live = Live(
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def is_due(self) -> bool:
        return self._is_watched and super().is_due()

    def _show(self, line: LiveLine) -> None:
        bar, text = line.fitting(self._live.console.width)
        grid = Table.grid(padding=(0, 2, 0, 0))
        for _ in range(3 if bar else 2):
            grid.add_column(no_wrap=True, overflow="crop")
        if bar:
            grid.add_row(line.name, ProgressBar(line.total, line.done, bar), text)
        else:
            grid.add_row(line.name, text)
        self._live.start()
        self._live.update(grid, refresh=True)

    def _remove(self) -> None:
        if self._live.is_started:
            self._live.update(Group())  # what stands there at its end scrolls by a line
            self._live.stop()


class NotebookDisplay(LiveDisplay):
    """A live line in the output of a notebook's cell. `display` is IPython's."""

    def __init__(self, display: Callable[..., Any], clock: Clock = time.perf_counter) -> None:
        super().__init__(clock)
        self._display = display
        self._handle: Any = None

    def _show(self, line: LiveLine) -> None:
        text = "   ".join((line.name, *line.facts.values()))
        bar = f'<progress value="{line.done}" max="{line.total}"></progress>'
        self._put({"text/plain": text, "text/html": f"{bar} {escape(text)}"})

    def _remove(self) -> None:
        if self._handle is not None:
            self._put({"text/plain": "", "text/html": ""})

    def _put(self, shown: dict[str, str]) -> None:
        if self._handle is None:
            self._handle = self._display(shown, raw=True, display_id=True)
        else:
            self._handle.update(shown, raw=True)


class TrainingProgress:
    """The live line of a run.

    `loss` is the mean over this epoch so far; the time left is the remaining steps times the
    average time per step, including validation and saving."""

    def __init__(
        self, training: TrainingConfig, progress: Progress, clock: Clock = time.perf_counter
    ) -> None:
        self._training, self._progress, self._clock = training, progress, clock
        self._started, self._first_step = clock(), progress.step

    def line(self, event: StepsDone) -> LiveLine:
        """The line for `event`, the last one."""
        progress, training = self._progress, self._training
        facts = {
            "step": f"step {event.step}/{event.steps}",
            "loss": f"loss {number(event.loss)}",
        }
        if progress.best_value is not None:
            facts["best"] = f"best {number(progress.best_value)} (epoch {progress.best_epoch})"
        made = progress.step - self._first_step
        left = training.epochs * event.steps - progress.step
        seconds = (self._clock() - self._started) / made * left
        at_most = "up to " if training.early_stopping else ""
        facts["left"] = f"{at_most}{duration(seconds)} left"
        return LiveLine(f"epoch {event.epoch}/{training.epochs}", event.step, event.steps, facts)
