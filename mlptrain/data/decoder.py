"""A helper process that decodes images, seen from both of its ends.

It is a fresh Python, told the settings on its command line, that talks over its standard input and
output: one JSON line per batch of paths in; per batch a length, JSON with the reasons of the bad
images, and the pixels out. So it ends by itself when the other end is gone, however that died; and
it is its own process group, so Ctrl-C is for the parent alone to handle.
"""

import json
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from io import FileIO
from types import TracebackType
from typing import Any, BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.images import Expected, read_pixels
from mlptrain.data.reading import UnreadableError
from mlptrain.data.settings import ImageSettings
from mlptrain.errors import DataError
from mlptrain.files import show_path

_LENGTH = struct.Struct("<I")
_PROGRAM = """
import sys
sys.path[:] = sys.argv[2:]
from mlptrain.data.decoder import main
main(sys.argv[1])
"""


class Decoder:
    """The parent's end: `give` a batch, `answer` when `fileno` is readable, and so on. Leaving the
    `with` block ends the process."""

    def __init__(self, settings: ImageSettings, expected: Expected | None) -> None:
        job = json.dumps([settings.model_dump(), expected and asdict(expected)])
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, job, *sys.path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            process_group=0,
        )
        assert isinstance(self._process.stdin, FileIO)
        assert isinstance(self._process.stdout, FileIO)
        self._input, self._output = self._process.stdin, self._process.stdout
        self._batch = range(0)
        self._paths: Sequence[str] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._input.close()
        self._output.close()

    def fileno(self) -> int:
        return self._output.fileno()

    def give(self, batch: range, paths: Sequence[str]) -> None:
        """Hand out the paths of `batch`. The last batch must have been answered."""
        self._batch, self._paths = batch, paths
        rest = memoryview(json.dumps(paths[batch.start : batch.stop]).encode() + b"\n")
        try:
            while rest:
                rest = rest[self._input.write(rest) :]
        except BrokenPipeError:
            raise self._death() from None

    def answer(self, images: NDArray[np.uint8]) -> tuple[range, dict[int, str]]:
        """Write the batch's pixels to its rows of `images`; return it and its bad images' reasons.
        Raises DataError if the process died."""
        length = bytearray(_LENGTH.size)
        self._receive(memoryview(length))
        reasons = bytearray(*_LENGTH.unpack(length))
        self._receive(memoryview(reasons))
        batch = self._batch
        self._receive(images[batch.start : batch.stop].reshape(-1).data)
        return batch, {batch.start + i: reason for i, reason in json.loads(reasons)}

    def _receive(self, buffer: memoryview) -> None:
        while buffer:
            count = self._output.readinto(buffer)
            if not count:
                raise self._death()
            buffer = buffer[count:]

    def _death(self) -> DataError:
        status = self._process.wait()
        how = f"was stopped by signal {-status}" if status < 0 else f"ended with status {status}"
        first, last = self._paths[self._batch.start], self._paths[self._batch.stop - 1]
        return DataError(
            f"{show_path(first)} … {show_path(last)}: the process that decoded these "
            f"{len(self._batch)} files {how}. One of them crashes the decoder, or the memory is "
            "full. Try them in smaller parts."
        )


def main(job: str) -> None:
    """The helper's end: serve batches until the input ends or nobody reads the output."""
    try:
        _serve(job, sys.stdin.buffer, sys.stdout.buffer)
    except BrokenPipeError:
        sys.stdout = None  # nothing is left to flush it to


def _serve(job: str, requests: BinaryIO, answers: BinaryIO) -> None:
    fields, first = json.loads(job)
    settings = ImageSettings.model_validate(fields)
    expected = _expected(first)
    for line in requests:
        paths = json.loads(line)
        images = np.zeros((len(paths), *settings.shape), np.uint8)
        bad = []
        for index, path in enumerate(paths):
            try:
                images[index] = read_pixels(path, settings, expected)
            except UnreadableError as error:
                bad.append((index, str(error)))
        reasons = json.dumps(bad).encode()
        answers.write(_LENGTH.pack(len(reasons)) + reasons)
        answers.write(images.data)
        answers.flush()


def _expected(fields: dict[str, Any] | None) -> Expected | None:
    if fields is None:
        return None
    size = fields["size"]
    return Expected(fields["first"], fields["gray"], None if size is None else tuple(size))
