"""Arrays mapped from a file: the system can reclaim their memory."""

import mmap

import numpy as np
from numpy.typing import NDArray


def mapped(descriptor: int, length: int) -> NDArray[np.uint8]:
    """The first `length` > 0 bytes of an open file, read-only, (length,). The file stays open, and
    keeps its lock if it has one, as long as the array exists."""
    return np.frombuffer(mmap.mmap(descriptor, length, access=mmap.ACCESS_READ), np.uint8)


def fetch(array: NDArray[np.uint8], rows: NDArray[np.int64]) -> None:
    """Start reading `rows` (m,), ascending, of a mapped array (n, size) that starts its file. From
    now on the system reads only the pages used, without read-ahead."""
    if (mapping := _mapping(array)) is None:
        return
    mapping.madvise(mmap.MADV_RANDOM)
    ends = np.flatnonzero(np.diff(rows, append=-1) != 1)  # of the runs of neighbours
    starts = np.concatenate(([0], ends[:-1] + 1))
    size = array.shape[1]
    for first, last in zip(rows[starts].tolist(), rows[ends].tolist(), strict=True):
        start = first * size // mmap.PAGESIZE * mmap.PAGESIZE
        mapping.madvise(mmap.MADV_WILLNEED, start, (last + 1) * size - start)


def release(array: NDArray[np.uint8]) -> None:
    """Release the memory of the whole file of a mapped array; pages used later are read again. Any
    other array stays as it is."""
    if (mapping := _mapping(array)) is not None:
        mapping.madvise(mmap.MADV_DONTNEED)


def is_mapped(array: NDArray[np.uint8]) -> bool:
    """Whether `array` is mapped from a file."""
    return _mapping(array) is not None


def _mapping(array: NDArray[np.uint8]) -> mmap.mmap | None:
    owner: object = array
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return owner if isinstance(owner, mmap.mmap) else None
