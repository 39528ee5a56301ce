"""What a person sees while a command runs.

A terminal gets the same lines as a log file, plus colour and a live progress line. Logs and CI
terminals get no control characters. File and class names are data, so nothing is ever interpreted
as markup.
"""

import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.text import Text

from mlptrain.cli.layout import labelled, plural
from mlptrain.cli.live import NoDisplay, TerminalDisplay, console
from mlptrain.cli.notes import Clock, Detail, Notes, Times
from mlptrain.data.loading.stream import BadImage
from mlptrain.text import show_path


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
