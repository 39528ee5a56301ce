"""Arrays that lie in a file: the memory they take is the system's to reclaim."""

import mmap

import numpy as np
from numpy.typing import NDArray


def mapped(descriptor: int, length: int) -> NDArray[np.uint8]:
    """The first `length` > 0 bytes of an open file, read-only, (length,). The file stays open, and
    locked if it is, as long as the array lives."""
    return np.frombuffer(mmap.mmap(descriptor, length, access=mmap.ACCESS_READ), np.uint8)


def release(array: NDArray[np.uint8]) -> None:
    """Give back the memory in which the whole file of a mapped array lies; what is used again is
    read again. Any other array stays as it is."""
    if (mapping := _mapping(array)) is not None:
        mapping.madvise(mmap.MADV_DONTNEED)


def is_mapped(array: NDArray[np.uint8]) -> bool:
    """Whether `array` lies in a file."""
    return _mapping(array) is not None


def _mapping(array: NDArray[np.uint8]) -> mmap.mmap | None:
    owner: object = array
    while isinstance(owner, np.ndarray | memoryview):
        owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
    return owner if isinstance(owner, mmap.mmap) else None
