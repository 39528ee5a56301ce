"""A helper process that decodes images, seen from its parent; `helper.py` is the other end.

It is a new Python process that gets the settings on its command line and communicates over standard
input and output. In: one JSON line per batch of paths. Out, per batch: a length, JSON with the
findings, and the pixels. So it exits by itself when its parent is gone, however that died. It has
its own process group, so only the parent handles Ctrl-C.
"""

import fcntl
import json
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from mlptrain.data.images.form import Expected, Findings, Form
from mlptrain.errors import DataError
from mlptrain.text import show_path

PIPE_BYTES = 1 << 20  # bytes of answers that may wait while the parent is busy
LENGTH_BYTES = 4  # bytes of the number that starts an answer, the length of the findings
_REQUEST_BYTES = 1 << 18  # bytes of paths that may wait while the helper starts

_PACKAGE = str(Path(__file__).parents[3])  # where mlptrain is, even in an editable installation
_PROGRAM = """
import sys
sys.path[:] = sys.argv[2:]
from mlptrain.data.loading.helper import main
main(sys.argv[1])
"""


class Batch(NamedTuple):
    """Images `first`, `first` + 1, … of a job, by their paths."""

    first: int
    paths: Sequence[str]


class Decoder:
    """`give` it batches, call `answer` when `fileno` is readable, and repeat. It may be given more
    batches before it has answered the first. Leaving the `with` block ends the process."""

    def __init__(self, form: Form, expected: Expected | None) -> None:
        job = json.dumps([form, expected])
        # without site (-S), a fifth of the start-up time; sys.path is passed explicitly instead
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-S", "-c", _PROGRAM, job, *sys.path, _PACKAGE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        assert isinstance(self._process.stdin, FileIO)
        assert isinstance(self._process.stdout, FileIO)
        self._input, self._output = self._process.stdin, self._process.stdout
        for pipe, size in ((self._input, _REQUEST_BYTES), (self._output, PIPE_BYTES)):
            with suppress(OSError, AttributeError):  # not allowed to have so much, or not on Linux
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, size)
        self.given: deque[Batch] = deque()  # given but not answered yet

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._input.close()
        self._output.close()

    def fileno(self) -> int:
        return self._output.fileno()

    def give(self, batch: Batch) -> None:
        """Send `batch`; answers come in the order in which batches are given."""
        self.given.append(batch)
        rest = memoryview(json.dumps(batch.paths).encode() + b"\n")
        try:
            while rest:
                rest = rest[self._input.write(rest) :]
        except BrokenPipeError:
            raise self._death() from None

    def answer(self, place: Callable[[Batch], memoryview]) -> tuple[Batch, Findings]:
        """Fill `place(batch)` with the pixels of the oldest unanswered batch; return that batch and
        the findings by index in the batch. Raises DataError if the process died."""
        length = bytearray(LENGTH_BYTES)
        self._receive(memoryview(length))
        findings = bytearray(int.from_bytes(length))
        self._receive(memoryview(findings))
        self._receive(place(self.given[0]))
        batch = self.given.popleft()
        bad, unlike = json.loads(findings)
        return batch, Findings(dict(bad), unlike)

    def _receive(self, buffer: memoryview) -> None:
        while buffer:
            count = self._output.readinto(buffer)
            if not count:
                raise self._death()
            buffer = buffer[count:]

    def _death(self) -> DataError:
        status = self._process.wait()
        how = f"was stopped by signal {-status}" if status < 0 else f"ended with status {status}"
        paths = [path for batch in self.given for path in batch.paths]  # it may be any of them
        return DataError(
            f"{show_path(paths[0])} … {show_path(paths[-1])}: the process that decoded "
            f"{len(paths)} files of these {how}. One of them crashes the decoder, or the memory is "
            "full. Try them in smaller parts."
        )
