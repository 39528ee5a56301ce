"""Stop when asked to: Ctrl-C, a closed terminal, a batch system's SIGTERM."""

import signal
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequest:
    """While entered, notes the first of `SIGNALS` in `signal_number` instead of dying of it, so
    that the step can be finished and the state saved. A second one ends the process at once."""

    signal_number: int | None = None

    def __enter__(self) -> "StopRequest":
        self._before: dict[int, Any] = {
            number: signal.signal(number, self._note) for number in SIGNALS
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        self.signal_number = number
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)
