"""The client of `workers/serve.py`: starts a worker, sends it requests, ends it."""

import json
import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.rows import Row

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Form:
    """One way of running a contestant.

    Attributes:
        module: its file in `workers/`.
        name: the worker's name for this way, if it has several.
        one_core: whether the process is bound to a single core.
        numpy_only: whether mlptrain runs without its compiled kernels.
    """

    module: str
    name: str = ""
    one_core: bool = False
    numpy_only: bool = False

    def __str__(self) -> str:
        return ", ".join(filter(None, [self.name, "one core" if self.one_core else ""]))


class Worker:
    """A process that runs `form`. Leaving the `with` block ends it."""

    def __init__(self, form: Form) -> None:
        command = [sys.executable, "-m", f"benchmarks.workers.{form.module}"]
        if form.one_core:
            core = max(os.sched_getaffinity(0))
            command = ["taskset", "--cpu-list", str(core), *command]
        environment = dict(os.environ)
        environment.pop("MLPTRAIN_KERNELS", None)
        if form.numpy_only:
            environment["MLPTRAIN_KERNELS"] = "numpy"
        self.form = form
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            cwd=ROOT,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._process:
            if kind:
                self._process.kill()

    def start(self, row: Row, data: Path, seed: int = 0) -> None:
        """Make the network of `row`."""
        self._ask("start", row=asdict(row), data=str(data), form=self.form.name, seed=seed)

    def train(self, passes: int) -> float:
        """Train for `passes` passes and return the seconds."""
        return self._ask("train", passes=passes)["seconds"]

    def accuracy(self) -> float:
        """The accuracy on the test set."""
        return self._ask("accuracy")["accuracy"]

    def peak_bytes(self) -> int:
        """The peak memory of the worker's process so far."""
        return self._ask("memory")["bytes"]

    def _ask(self, what: str, **details: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with suppress(BrokenPipeError):  # without a reader there is no answer, which is checked
            self._process.stdin.write(json.dumps({"do": what, **details}) + "\n")
            self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the worker {self.form.module} died; see its own message above")
        return json.loads(answer)
