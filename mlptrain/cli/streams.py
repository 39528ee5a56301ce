"""Standard output and error that fail the way a Unix tool's do.

When the reader of the results is gone (`mlptrain predict ... | head -1`), the process ends quietly
by SIGPIPE; a full disk is an ordinary error. What a closed terminal would have shown is dropped:
SIGHUP says whether to stop. All this is handled here, where the bytes are written, so a broken pipe
to a helper process still raises an exception for its owner to explain. Messages that nobody can
receive are dropped.
"""

import errno
import io
import os
import signal
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlptrain.errors import FileSystemError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


def open_streams() -> None:
    """Replace sys.stdout and sys.stderr with such streams; characters that cannot be encoded are
    written as escapes. Raises FileSystemError if there is no standard output."""
    if sys.stdin is None:
        sys.stdin = Path(os.devnull).open(encoding="utf-8")  # noqa: SIM115
    closed = sys.stdout is None
    if closed:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115
    if closed:
        raise FileSystemError("standard output: is closed. Redirect it, for example to /dev/null.")
    sys.stdout = _text(_Results(sys.stdout.fileno(), "w", closefd=False), sys.stdout.encoding)
    sys.stderr = _text(_Messages(sys.stderr.fileno(), "w", closefd=False), sys.stderr.encoding)


class _Results(io.FileIO):
    """Standard output."""

    _failed = False

    def write(self, data: "ReadableBuffer", /) -> int:
        if self._failed:  # output still buffered when the process ends
            return memoryview(data).nbytes
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGPIPE)
            raise
        except OSError as error:
            self._failed = True
            if error.errno == errno.EIO and stat.S_ISCHR(os.fstat(self.fileno()).st_mode):
                return memoryview(data).nbytes
            raise FileSystemError(
                f"standard output: could not be written: {error.strerror}."
            ) from None


class _Messages(io.FileIO):
    """Standard error."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes


def _text(raw: io.FileIO, encoding: str) -> io.TextIOWrapper:
    lines = isinstance(raw, _Messages) or raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, errors="backslashreplace", line_buffering=lines
    )
