"""The protocol of all workers: JSON lines in, JSON lines out.

    {"do": "start", "row": …, "data": …, "form": …, "seed": …}   make a network
    {"do": "train", "passes": n}                                  → {"seconds": s}
    {"do": "accuracy"}                                            → {"accuracy": a}, of the test set
    {"do": "memory"}                                              → {"bytes": b}, the peak so far

Between requests the process blocks in a read and uses no CPU time.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.rows import Row


@dataclass(frozen=True)
class Task:
    """What a worker trains; `form` names one of its ways to do it, if it has several."""

    row: Row
    data: Path
    form: str
    seed: int


class Trainer(Protocol):
    """A network in training."""

    def train(self, passes: int) -> None:
        """Train for `passes` passes; return when the last step is done."""

    def accuracy(self) -> float:
        """The accuracy on the test images."""


def serve(make: Callable[[Task], Trainer]) -> None:
    """Answer requests until the input ends. Anything printed goes to standard error."""
    with os.fdopen(os.dup(1), "w", buffering=1) as answers:
        os.dup2(2, 1)
        trainer: Any = None
        for line in sys.stdin:
            request = json.loads(line)
            if request["do"] == "start":
                trainer = make(_task(request))
                answer = {}
            elif request["do"] == "train":
                started = time.perf_counter()
                trainer.train(request["passes"])
                answer = {"seconds": time.perf_counter() - started}
            elif request["do"] == "accuracy":
                answer = {"accuracy": trainer.accuracy()}
            else:
                answer = {"bytes": peak_bytes()}
            answers.write(json.dumps(answer) + "\n")


def peak_bytes() -> int:
    """The peak memory of this process since its exec. (`ru_maxrss` would include the memory of the
    parent at the fork.)"""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


def _task(request: dict[str, Any]) -> Task:
    row = Row(**request["row"] | {"sizes": tuple(request["row"]["sizes"])})
    return Task(row, Path(request["data"]), request["form"], request["seed"])
