"""Stop when asked to: Ctrl-C, a closed terminal, a batch system's SIGTERM."""

import signal
from types import FrameType
from typing import Any

from mlptrain.errors import StoppedError

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """While entered, the first of `SIGNALS` ends the work in order; a second one ends the process
    at once.

    At first it raises StoppedError wherever the process is, for there is nothing to save yet. After
    `hold` it is only noted in `signal_number`, so that the step can be finished and the state
    saved."""

    signal_number: int | None = None

    def __enter__(self) -> "StopRequest":
        self._held = False
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._stop) for number in SIGNALS
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def hold(self) -> None:
        """From now on, only note a signal."""
        self._held = True

    def _stop(self, number: int, _: FrameType | None) -> None:
        self.signal_number = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
        if not self._held:
            raise StoppedError("stopped before training began", number)
