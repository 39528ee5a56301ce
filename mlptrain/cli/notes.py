"""Messages beside a command's results: on stderr, and as many as the user asked for."""

import sys
import time
from collections.abc import Callable
from enum import IntEnum

from mlptrain.cli.github import MOST, annotation, in_actions
from mlptrain.errors import UsageError

Clock = Callable[[], float]  # in seconds


class Detail(IntEnum):
    """How much a command tells: its results alone, the usual, or more."""

    results = 0
    usual = 1
    more = 2


def chosen_detail(quiet: bool, verbose: bool) -> Detail:
    """What `--quiet` and `--verbose` ask for. Raises UsageError if both are given."""
    if quiet and verbose:
        raise UsageError("--quiet, --verbose: contradict each other. Give one of the two.")
    return Detail.results if quiet else Detail.more if verbose else Detail.usual


class Notes:
    """Prints messages on stderr, up to a level of detail."""

    def __init__(self, detail: Detail = Detail.usual) -> None:
        self.detail = detail
        self._warnings = 0

    def tell(self, text: str, detail: Detail = Detail.usual) -> None:
        """Print `text` if the user wants this much `detail`."""
        if detail <= self.detail:
            sys.stdout.flush()  # on a terminal, the results so far come first
            print(text, file=sys.stderr)

    def warn(self, text: str) -> None:
        """Tell what may limit the results; GitHub Actions shows the first ones as warnings."""
        self.tell(text)
        if self.detail >= Detail.usual and in_actions() and self._warnings < MOST:
            self._warnings += 1
            print(annotation("warning", text, title="mlptrain"), file=sys.stderr)


USUAL = Notes()


class Times:
    """Where a command's time went: seconds by part, from now on."""

    def __init__(self, clock: Clock = time.perf_counter) -> None:
        self._clock, self._since = clock, clock()
        self._seconds: dict[str, float] = {}

    def add(self, part: str, seconds: float) -> None:
        """Count the next `seconds` as those of `part`."""
        self._seconds[part] = self._seconds.get(part, 0) + seconds
        self._since += seconds

    def end(self, part: str) -> float:
        """Count the time up to now as that of `part`; the seconds of `part` so far."""
        self.add(part, self._clock() - self._since)
        return self._seconds[part]

    def __str__(self) -> str:
        parts = (f"{part} {seconds:.2f} s" for part, seconds in self._seconds.items())
        return "time: " + ", ".join(parts)
