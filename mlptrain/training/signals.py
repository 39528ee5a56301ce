"""Stop when asked to: Ctrl-C, a closed terminal, a batch system's SIGTERM.

The command line calls `leave_on_signals` before it imports the rest: a signal then ends the process
silently and at once, since there is nothing to clean up. Inside a `StopRequest`, the first signal
stops the work cleanly. Either way the exit code is 128 + the signal's number.
"""

import os
import signal
import sys
from types import FrameType, TracebackType
from typing import Any, Self

from mlptrain.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def leave_on_signals() -> None:
    """From now on, any of `SIGNALS` ends the process at once."""
    sys.unraisablehook = _unraisable
    for number in _heeded():
        signal.signal(number, leave)


def leave(number: int, _: FrameType | None = None) -> None:
    """End the process as the signal `number` would; buffered output is lost."""
    os._exit(128 + number)


class StopRequest:
    """A context in which the first of `SIGNALS` stops the work cleanly and a second one ends the
    process at once.

    Until `hold` is called there is nothing to save, and the signal raises Interrupted with
    `message`. After `hold` it is only noted in `signal_number`, so that the step can finish and the
    state can be saved."""

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
        """From now on, only note the signal."""
        self._held = True

    def _stop(self, number: int, _: FrameType | None) -> None:
        leave_on_signals()
        self.signal_number = number
        if not self._held:
            raise Interrupted(self._message, number)


def _heeded() -> list[int]:
    """`SIGNALS` without those that the process was started to ignore, as under nohup."""
    return [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    """A destructor cannot propagate Interrupted, so it ends the process."""
    if isinstance(found.exc_value, Interrupted):
        leave(found.exc_value.signal_number)
    sys.__unraisablehook__(found)
