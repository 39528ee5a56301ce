"""Stop when asked to: Ctrl-C, a closed terminal, a batch system's SIGTERM.

The command line calls `leave_on_signals` before it imports the rest: a signal then ends the process
at once and without a word, for there is nothing to tidy up. While a `StopRequest` is entered, the
first signal ends the work in order. Either way the exit code is 128 + the signal's number.
"""

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Self

from mlptrain.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def leave_on_signals() -> None:
    """From now on, each of `SIGNALS` ends the process at once."""
    sys.unraisablehook = _unraisable
    for number in _heeded():
        signal.signal(number, leave)


def leave(number: int, _: FrameType | None = None) -> None:
    """End the process as the signal `number` does; what is buffered is lost."""
    os._exit(128 + number)


class StopRequest:
    """While entered, the first of `SIGNALS` ends the work in order; a second one ends the process
    at once.

    At first the work ends wherever it is, with Interrupted, which says `message`, for there is
    nothing to save yet. After `hold` the signal is only noted in `signal_number`, so that the step
    can be finished and the state saved."""

    signal_number: int | None = None

    def __init__(self, message: str = "") -> None:
        self._message = message
        self._held = False

    def __enter__(self) -> Self:
        self._before: dict[int, Any] = {n: signal.getsignal(n) for n in _heeded()}
        for number in self._before:
            signal.signal(number, self._stop)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """From now on, only note a signal."""
        self._held = True

    def _stop(self, number: int, _: FrameType | None) -> None:
        leave_on_signals()
        self.signal_number = number
        if not self._held:
            raise Interrupted(self._message, number)


def _heeded() -> list[int]:
    """Those of `SIGNALS` that the process was not told to ignore, as under nohup."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    """A destructor cannot pass Interrupted on, so the process ends there."""
    if isinstance(found.exc_value, Interrupted):
        leave(found.exc_value.signal_number)
    sys.__unraisablehook__(found)
