"""The one place that writes files.

A final name always holds a whole file: write to a temporary name in the same folder, fsync, rename
over the final name, fsync the folder. Every call to the operating system that changes or locks a
file goes through `system`.

Some file systems cannot fsync a folder (CIFS, FUSE) or lock a file (NFS, Lustre). Files are then as
durable, and runs as separate, as that system makes them; every other error is one.
"""

import errno
import fcntl
import json
import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from mlptrain.errors import FileSystemError, RunFolderError
from mlptrain.system import System
from mlptrain.text import show_path

TEMPORARY_SUFFIX = ".tmp"
LOCK = ".lock"
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
_NO_FOLDER_FSYNC = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS)
_NO_LOCKS = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)


system = System()


def write_whole(path: Path, data: bytes) -> None:
    """Replace the content of `path` by `data` atomically: at any instant the name holds all of the
    old or all of the new content. On FileSystemError the old content stays and no temporary file
    is left."""
    _require_plain(path)
    temporary = _temporary(path)
    with _explained(path, len(data)):
        try:
            with _opened(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) as descriptor:
                _write_all(descriptor, data)
                system.fsync(descriptor)
            system.replace(temporary, path)
        except OSError:
            with suppress(OSError):
                system.unlink(temporary)
            raise
        _fsync_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Add `line` and a newline at the end of `path`, durably. A failure leaves no torn line."""
    with (
        _explained(path, len(line)),
        _opened_in_place(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as descriptor,
    ):
        size = os.fstat(descriptor).st_size
        try:
            _write_all(descriptor, line + b"\n")
            system.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                system.truncate(descriptor, size)
            raise
        if size == 0:
            _fsync_folder(path.parent)


def keep_lines(path: Path, count: int) -> None:
    """Cut `path` after its first `count` whole lines; a missing file has none."""
    _require_plain(path)
    with _explained(path, 0):
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
    kept = [line for line in lines[:count] if line.endswith(b"\n")]
    if len(kept) < count:
        raise RunFolderError(
            f"{show_path(path)}: has {len(kept)} whole lines, but the checkpoint beside it counts "
            f"{count} epochs. The file was changed by hand; start a new run."
        )
    if kept == lines:
        return
    with _explained(path, 0), _opened_in_place(path, os.O_WRONLY) as descriptor:
        system.truncate(descriptor, sum(map(len, kept)))
        system.fsync(descriptor)


def make_folder(path: Path) -> bool:
    """Create the folder `path` and its parents; False if `path` exists already. Creation itself is
    the test, so of two processes that ask for one name only one gets True."""
    try:
        for parent in reversed(path.parents):
            if not parent.is_dir():
                with suppress(FileExistsError):
                    _make(parent)
        _make(path)
    except FileExistsError:
        return False
    except OSError as error:
        raise _explanation(path, 0, error) from error
    return True


def free_bytes(folder: Path) -> int:
    """How many bytes may still be written below `folder`."""
    with _explained(folder, 0):
        return shutil.disk_usage(folder).free


@contextmanager
def spare_file(path: Path) -> Iterator[Callable[[bytes | memoryview], None]]:
    """Create the file `path`, readable by its owner only, from what the block writes. Only for
    files that can be recreated: a power cut may leave any content. Raises OSError; then no file is
    left."""
    temporary = _temporary(path.with_name(f"{path.name}.{os.getpid()}"))
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with _opened(temporary, flags, 0o600) as descriptor:
        try:
            system.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)  # see `remove_unused`
            yield lambda data: _write_all(descriptor, data)
            system.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                system.unlink(temporary)
            raise


def remove_unused(path: Path) -> bool:
    """Remove the file `path`, unless it is locked; whether it is gone. Raises OSError."""
    # NFS locks only what is open for writing; a pipe is not waited for
    flags = os.O_RDWR | os.O_NONBLOCK
    with suppress(FileNotFoundError), _opened(path, flags) as descriptor:
        try:
            system.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        system.unlink(path)
    return True


def remove(path: Path) -> None:
    """Remove the file `path`, durably, if it is there."""
    _require_plain(path)
    with _explained(path, 0), suppress(FileNotFoundError):
        system.unlink(path)
        _fsync_folder(path.parent)


def remove_temporary_files(paths: Iterable[Path]) -> None:
    """Remove temporary files of a process that was killed while it wrote one of `paths`."""
    for path in map(_temporary, paths):
        if os.path.lexists(path):
            with _explained(path, 0):
                system.unlink(path)


@contextmanager
def locked(folder: Path) -> Iterator[bool]:
    """Hold `folder/.lock` alone; False where the file system has no locks. The lock dies with the
    process, so it can never be stale.

    Raises RunFolderError, naming the holder, if another process has it."""
    path = folder / LOCK
    with ExitStack() as stack:
        with _explained(path, 0):
            descriptor = stack.enter_context(_opened_in_place(path, os.O_RDWR | os.O_CREAT))
            held = _lock(folder, descriptor, fcntl.LOCK_EX)
            holder = {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            system.truncate(descriptor, 0)
            _write_all(descriptor, json.dumps(holder).encode())
        yield held


def refuse_locked(folder: Path) -> None:
    """Raise RunFolderError, naming the holder, if a process holds `folder/.lock`; changes
    nothing."""
    path = folder / LOCK
    with suppress(OSError), _opened(path, os.O_RDONLY | os.O_NONBLOCK) as descriptor:
        _lock(folder, descriptor, fcntl.LOCK_SH)


def _lock(folder: Path, descriptor: int, kind: int) -> bool:
    try:
        system.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        raise RunFolderError(
            f"{show_path(folder)}: another process is training here ({_holder(descriptor)}). "
            "Wait for it, stop it, or name another folder with --run-dir."
        ) from None
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return False
    return True


def _holder(descriptor: int) -> str:
    try:
        holder = json.loads(os.pread(descriptor, 1000, 0))
        return f"pid {holder['pid']} on {holder['host']}, since {holder['since']}"
    except (ValueError, KeyError, TypeError):
        return "its name is not written yet"


@contextmanager
def _opened(path: Path, flags: int, mode: int = 0o666) -> Iterator[int]:
    if not flags & os.O_DIRECTORY:
        flags |= os.O_NOFOLLOW  # a link that was put there since `_require_plain` looked
    descriptor = system.open(path, flags, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _opened_in_place(path: Path, flags: int) -> Iterator[int]:
    """Open `path` for writing without a temporary file. Raises FileSystemError, changing nothing,
    if it is no plain file or has a second name (a hard link), whose content would also change."""
    _require_plain(path)
    with _opened(path, flags) as descriptor:
        links = os.fstat(descriptor).st_nlink
        if links > 1:
            raise FileSystemError(
                f"{show_path(path)}: has {links} names (hard links), and a write here would change "
                "the file under all of them. Put a copy in its place, or name another folder with "
                "--run-dir."
            )
        yield descriptor


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[system.write(descriptor, rest) :]


def _make(folder: Path) -> None:
    system.mkdir(folder)
    _fsync_folder(folder.parent)


def _fsync_folder(folder: Path) -> None:
    with _opened(folder, os.O_RDONLY | os.O_DIRECTORY) as descriptor:
        try:
            system.fsync(descriptor)
        except OSError as error:
            if error.errno not in _NO_FOLDER_FSYNC:
                raise


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")


def _require_plain(path: Path) -> None:
    """Raise FileSystemError if something other than a plain file has the name `path`."""
    with _explained(path, 0):
        try:
            mode = path.lstat().st_mode
        except FileNotFoundError:
            return
    if not stat.S_ISREG(mode):
        kind = "is a symbolic link" if stat.S_ISLNK(mode) else "is not a plain file"
        raise FileSystemError(
            f"{show_path(path)}: {kind}. mlptrain writes plain files only. "
            "Remove it, or name another place."
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
    if error.errno in DISK_FULL:
        with suppress(OSError):
            free = shutil.disk_usage(path.parent).free
            reason += f" {size:,} bytes were needed, {free:,} are free."
        reason += " Free some space and try again; a run resumes with --resume."
    return FileSystemError(reason)
