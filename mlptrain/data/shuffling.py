"""The order of the examples in an epoch."""

import numpy as np
from numpy.typing import NDArray

WHOLE_BYTES = 1 << 30  # of pixels: up to this size, data is shuffled as a whole
WINDOW_BYTES = 256 << 20  # of larger data: the part in memory at once
BLOCK_BYTES = 256 << 10  # large enough to be read at nearly a disk's full rate


def shuffled(
    count: int, row_bytes: int, window: int, random: "np.random.Generator"
) -> NDArray[np.int64]:
    """A permutation (count,) of the examples, each of `row_bytes` bytes; it depends only on the
    arguments.

    Up to WHOLE_BYTES, all permutations are equally likely. Larger data is cut into blocks of
    neighbours; the blocks are shuffled, then the examples within each `window` of consecutive
    examples, so that training needs only one window in memory. Neighbours are mostly of one class,
    so the blocks are small enough that a window has many blocks of every class: with 10 classes
    of equal size, about 102 each, give or take 10."""
    if count * row_bytes <= WHOLE_BYTES:
        return random.permutation(count)
    block = max(1, BLOCK_BYTES // row_bytes)
    starts = random.permutation(-(-count // block)) * block
    order = (starts[:, None] + np.arange(block)).reshape(-1)
    order = order[order < count]
    for first in range(0, count, window):
        random.shuffle(order[first : first + window])
    return order


def window_size(row_bytes: int, batch_size: int) -> int:
    """How many examples a window holds: whole batches, at least one."""
    return max(1, WINDOW_BYTES // (row_bytes * batch_size)) * batch_size
