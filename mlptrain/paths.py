"""Checking and opening the user's paths: plain files only, without ever waiting on a pipe or a
device.

`Path.is_dir()` and the like return False for some errors and raise others, so all checks of paths
go through this module and raise one kind of error.
"""

import codecs
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from mlptrain.errors import DataError, MlptrainError
from mlptrain.text import show_path


class UnreadableError(Exception):
    """Why a file cannot be read, as the end of a sentence that starts with its name. Whoever knows
    that name turns this into a DataError."""


def look(path: Path | str) -> os.stat_result | None:
    """The status of what `path` leads to; None if nothing is there. Raises UnreadableError if that
    cannot be determined: no permission, a name that is too long, a loop of links."""
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise UnreadableError(_reason(error)) from None


def is_folder(path: Path | str) -> bool:
    """Whether `path` leads to a folder. Raises UnreadableError as `look` does."""
    status = look(path)
    return status is not None and stat.S_ISDIR(status.st_mode)


def is_file(path: Path | str) -> bool:
    """Whether `path` leads to a plain file. Raises UnreadableError as `look` does."""
    status = look(path)
    return status is not None and stat.S_ISREG(status.st_mode)


def names_in(folder: Path) -> list[str]:
    """The names of all that is in `folder`. Raises UnreadableError."""
    try:
        return os.listdir(folder)
    except OSError as error:
        raise UnreadableError(_reason(error)) from None


def folders_in(folder: Path) -> list[str]:
    """The names of the folders in `folder`, and of links to such. Raises UnreadableError."""
    try:
        with os.scandir(folder) as entries:
            return [entry.name for entry in entries if entry_is_folder(entry)]
    except OSError as error:
        raise UnreadableError(_reason(error)) from None


def entry_is_folder(entry: "os.DirEntry[str]") -> bool:
    """Links are followed; what cannot be followed is no folder, but a bad image later on."""
    try:
        return entry.is_dir()
    except OSError:
        return False


@contextmanager
def reported(path: Path, kind: type[MlptrainError]) -> Iterator[None]:
    """Turn an UnreadableError about `path` into an error of this kind."""
    try:
        yield
    except UnreadableError as error:
        raise kind(f"{show_path(path)}: {error}.") from None


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
    except (OSError, ValueError) as error:
        raise UnreadableError(_reason(error)) from None
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode):
        return descriptor, status.st_size
    os.close(descriptor)
    kind = "a folder" if stat.S_ISDIR(status.st_mode) else "a pipe or a device"
    raise UnreadableError(f"is {kind}, not a file")


def _reason(error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return "does not exist"
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return "is not a possible file name"
