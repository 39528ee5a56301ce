"""The one place that writes files.

A final name always holds a whole file: write to a temporary name in the same folder, fsync, rename
over the final name, fsync the folder. Every call to the operating system that changes a file goes
through `system`, so that a test can put a system in its place whose k-th call fails.
"""

import errno
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from mlptrain.errors import FileSystemError, RunFolderError

TEMPORARY_SUFFIX = ".tmp"


class System:
    """The operating system's calls that change files, one method each."""

    def mkdir(self, path: Path) -> None:
        os.mkdir(path)

    def open(self, path: Path, flags: int) -> int:
        return os.open(path, flags | os.O_CLOEXEC, 0o666)

    def write(self, descriptor: int, data: memoryview) -> int:
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def unlink(self, path: Path) -> None:
        os.unlink(path)


system = System()


def write_whole(path: Path, data: bytes) -> None:
    """Put `data` under `path`, so that at any instant the name holds the old content or all of the
    new. Raises FileSystemError; the old content then stands and no temporary file is left."""
    _refuse_link(path)
    temporary = path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
    with _explained(path, len(data)):
        try:
            with _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
                _write_all(descriptor, data)
                system.fsync(descriptor)
            system.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary)
            raise
        _fsync_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add `line` and a newline at the end of `path`, durably. A failure leaves no torn line."""
    _refuse_link(path)
    with (
        _explained(path, len(line)),
        _opened(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as descriptor,
    ):
        size = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, line + b"\n")
            system.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
        if size == 0:
            _fsync_folder(path.parent)


def keep_lines(path: Path, count: int) -> None:
    """Cut `path` after its first `count` whole lines; a missing file has none."""
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except FileNotFoundError:
        lines = []
    kept = [line for line in lines[:count] if line.endswith(b"\n")]
    if len(kept) < count:
        raise RunFolderError(
            f"{show_path(path)}: has {len(kept)} whole lines, but the checkpoint beside it counts "
            f"{count} epochs. The file was changed by hand; start a new run."
        )
    if kept == lines:
        return
    with _explained(path, 0), _opened(path, os.O_WRONLY) as descriptor:
        system.truncate(descriptor, sum(map(len, kept)))
        system.fsync(descriptor)


def make_folder(path: Path) -> bool:
    """Make the folder `path`, and its parents; False if `path` is there already. The making is the
    test, so of two processes that ask for one name only one gets True."""
    try:
        for parent in reversed(path.parents):
            if not parent.is_dir():
                with suppress(FileExistsError):
                    system.mkdir(parent)
        system.mkdir(path)
        _fsync_folder(path.parent)
    except FileExistsError:
        return False
    except OSError as error:
        raise _explanation(path, 0, error) from error
    return True


def remove_temporary_files(folder: Path) -> None:
    """Remove what an earlier process, killed while writing, left in `folder`."""
    for entry in os.scandir(folder):
        if entry.name.startswith(".") and entry.name.endswith(TEMPORARY_SUFFIX):
            with _explained(Path(entry.path), 0):
                system.unlink(Path(entry.path))


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold `folder/.lock` alone. The lock dies with the process, so it can never be stale.

    Raises RunFolderError, naming the holder, if another process has it."""
    path = folder / ".lock"
    with _explained(path, 0), _opened(path, os.O_RDWR | os.O_CREAT) as descriptor:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunFolderError(
                f"{show_path(folder)}: another process is training here ({_holder(descriptor)}). "
                "Wait for it, stop it, or name another folder with --run-dir."
            ) from None
        holder = {
            "pid": os.getpid(),
            "host": socket.gethostname(),
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        system.truncate(descriptor, 0)
        _write_all(descriptor, json.dumps(holder).encode())
        yield


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 1000, 0))
        return f"pid {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "its name is not written yet"


def show_path(path: Path | str) -> str:
    """`path` for people: bytes that are not UTF-8 and control characters as escapes."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@contextmanager
def _opened(path: Path, flags: int) -> Iterator[int]:
    descriptor = system.open(path, flags)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[system.write(descriptor, rest) :]


def _fsync_folder(folder: Path) -> None:
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        system.fsync(descriptor)


def _refuse_link(path: Path) -> None:
    if path.is_symlink():
        raise FileSystemError(
            f"{show_path(path)}: is a symbolic link. mlptrain writes plain files only. "
            "Remove the link, or name another folder with --run-dir."
        )


@contextmanager
def _explained(path: Path, size: int) -> Iterator[None]:
    """Turn an OSError about `path` into a FileSystemError that says what to do."""
    try:
        yield
    except OSError as error:
        raise _explanation(path, size, error) from error


def _explanation(path: Path, size: int, error: OSError) -> FileSystemError:
    reason = f"{show_path(path)}: could not be written: {error.strerror}."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        free = os.statvfs(path.parent)
        reason += (
            f" {size:,} bytes were needed, {free.f_bavail * free.f_frsize:,} are free."
            " Free some space, then go on with --resume."
        )
    return FileSystemError(reason)
