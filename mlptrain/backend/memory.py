"""Memory for arrays."""

import math

import numpy as np
from numpy.typing import DTypeLike

from mlptrain.backend.call import Array

ALIGNMENT_BYTES = 64  # one cache line, and the widest vector register


def empty(shape: tuple[int, ...], dtype: DTypeLike) -> Array:
    """An uninitialized array (*shape*), C order, aligned to a cache line, the same in every run."""
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNMENT_BYTES, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT_BYTES
    return memory[start : start + size].view(dtype).reshape(shape)
