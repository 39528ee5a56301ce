"""The operating system's calls that change files or lock them, in one object, so that a test can
put another in its place whose k-th call fails."""

import fcntl
import os
from pathlib import Path


class System:
    """`mkdir`, `open`, `write`, `fsync`, `replace`, `truncate`, `utime`, `unlink` and `flock`, as
    the operating system has them. All raise OSError."""

    def mkdir(self, path: Path) -> None:
        os.mkdir(path)

    def open(self, path: Path, flags: int, mode: int = 0o666) -> int:
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def write(self, descriptor: int, data: memoryview) -> int:
        return os.write(descriptor, data)

    def fsync(self, descriptor: int) -> None:
        os.fsync(descriptor)

    def replace(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def truncate(self, descriptor: int, size: int) -> None:
        os.ftruncate(descriptor, size)

    def utime(self, path: Path) -> None:
        os.utime(path)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def flock(self, descriptor: int, kind: int) -> None:
        fcntl.flock(descriptor, kind)
