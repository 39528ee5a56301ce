"""Stop when asked to: Ctrl-C, a closed terminal, a batch system's SIGTERM."""

import signal
from types import FrameType, TracebackType
from typing import Any, Self

from mlptrain.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """While entered, the first of `SIGNALS` ends the work in order; a second one ends the process
    at once.

    At first the work ends wherever it is, with a StoppedError, for there is nothing to save yet.
    After `hold` the signal is only noted in `signal_number`, so that the step can be finished and
    the state saved."""

    signal_number: int | None = None

    def __enter__(self) -> Self:
        self._held = False
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._stop)
            for number in SIGNALS
            if signal.getsignal(number) is not signal.SIG_IGN  # as under nohup
        }
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        if kind is KeyboardInterrupt and self.signal_number is not None:
            raise StoppedError("stopped before training began", self.signal_number) from None

    def hold(self) -> None:
        """From now on, only note a signal."""
        self._held = True

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.signal_number = number
        for each in self._before:
            signal.signal(each, signal.SIG_DFL)
        if not self._held:
            raise KeyboardInterrupt  # passes every `except Exception` on its way
