"""Arrays beside pages that nothing may touch."""

import ctypes
import mmap

import numpy as np

from mlptrain.backend.call import Array


def fenced(array: Array, *, at_end: bool) -> Array:
    """A copy of the array that ends, or else begins, at an inaccessible page."""
    page = mmap.PAGESIZE
    size = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, size + 2 * page)
    whole = np.frombuffer(memory, np.uint8)
    for fence in (0, page + size):
        assert not ctypes.CDLL(None).mprotect(ctypes.c_void_p(whole.ctypes.data + fence), page, 0)
    first = page + (size - array.nbytes if at_end else 0)
    copy = whole[first : first + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
