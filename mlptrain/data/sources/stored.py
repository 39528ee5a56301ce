"""Arrays in IDX, .npy and .npz files.

Mistakes are found before memory is allocated: labels are read first, then the header of the images,
then their pixels. Pixels are read in slices into their final array, so a compressed file is never
in memory twice.
"""

import math
from dataclasses import dataclass
from typing import IO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from mlptrain.data.sources.example_array import ExampleArray
from mlptrain.paths import UnreadableError

MOST_INFLATION = 1032  # deflate cannot shrink more than this (zlib, technical details)
COPY_AGAIN = "Copy or download it again."

_SLICE_BYTES = 1 << 20


@dataclass(frozen=True)
class StoredArray(ExampleArray):
    """An array in a file: its header, and its numbers, not yet read.

    `file`: positioned at the first number; the numbers extend to its end. `most`: the most bytes it
    can have. `name`: the array's name, if the file holds several."""

    file: IO[bytes]
    most: int
    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran_order: bool = False
    name: str = ""

    def _read(self) -> NDArray[np.generic]:
        length = math.prod(self.shape) * self.dtype.itemsize
        if length > self.most:
            raise self._error(
                f"is cut off or damaged: its header {self.shape} asks for {length:,} bytes, "
                f"there are at most {self.most:,}"
            )
        array = np.empty(length, np.uint8)
        rest = array.data
        while rest:
            count = self.file.readinto(rest[:_SLICE_BYTES])  # type: ignore[attr-defined]
            if not count:
                raise self._error(f"is cut off: {len(rest):,} of {length:,} bytes are missing")
            rest = rest[count:]
        if self.file.read(1):  # at the end, gzip and zip check their checksums
            raise self._error(
                f"is damaged: it goes on after the {length:,} bytes of its header {self.shape}"
            )
        numbers = array.view(self.dtype)
        if self.fortran_order:
            return numbers.reshape(self.shape[::-1]).T
        return numbers.reshape(self.shape)


def in_npy(file: IO[bytes], size: int, name: str = "") -> StoredArray:
    """The array `name` in a file of `size` bytes, written by `numpy.save`. Raises ValueError for
    any other file."""
    version = npy.read_magic(file)
    read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
    shape, fortran_order, dtype = read(file)
    if any(side < 0 for side in shape):
        raise UnreadableError(f"is damaged: {name} has shape {shape}")
    return StoredArray(file, size - file.tell(), shape, dtype, fortran_order, name)
