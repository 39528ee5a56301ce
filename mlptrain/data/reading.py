"""Opening what the user points at: plain files only, and never a wait on a pipe or a device."""

import codecs
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from mlptrain.errors import DataError
from mlptrain.text import show_path


class UnreadableError(Exception):
    """Why a file cannot be read, as the end of a sentence that starts with its name. Whoever knows
    that name turns this into a DataError."""


def read_file(path: str, limit: int) -> bytes:
    """All bytes of `path`. Raises UnreadableError if there are none, or more than `limit`."""
    descriptor, size = _open_plain(path)
    try:
        if size > limit:
            raise UnreadableError(f"has {size:,} bytes; at most {limit:,} are allowed here")
        data = os.read(descriptor, size + 1)
        while len(data) < size and (more := os.read(descriptor, size - len(data))):
            data += more
    except OSError as error:
        raise UnreadableError(_reason(error)) from None
    finally:
        os.close(descriptor)
    if not data:
        raise UnreadableError("is empty")
    return data


def unmarked(data: bytes) -> bytes:
    """`data`, a text, without the byte order mark that may begin it. Raises UnreadableError if it
    is UTF-16 or UTF-32: by its mark, or by a NUL in its first two bytes."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        raise UnreadableError("is UTF-32; save it as UTF-8")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in data[:2]:
        raise UnreadableError("is UTF-16; save it as UTF-8")
    return data.removeprefix(codecs.BOM_UTF8)


@contextmanager
def opened(path: str) -> Iterator[tuple[IO[bytes], int]]:
    """The plain file `path`, open for reading, and its size in bytes. Raises DataError, also for an
    UnreadableError, an OSError or a MemoryError inside the block."""
    try:
        descriptor, size = _open_plain(path)
        with os.fdopen(descriptor, "rb") as file:
            if size == 0:
                raise UnreadableError("is empty")
            yield file, size
    except UnreadableError as error:
        raise DataError(f"{show_path(path)}: {error}") from None
    except OSError as error:
        raise DataError(f"{show_path(path)}: {_reason(error)}") from None
    except MemoryError:
        raise DataError(f"{show_path(path)}: does not fit into memory") from None


def _open_plain(path: str) -> tuple[int, int]:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableError(_reason(error)) from None
    except ValueError:
        raise UnreadableError("is not a possible file name") from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status.st_size
    os.close(descriptor)
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
    raise UnreadableError(f"is {kind}, not a file")


def _reason(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    return f"cannot be read: {error.strerror or error}"
