"""In which order an epoch goes through the examples."""

import numpy as np
from numpy.typing import NDArray

WHOLE_BYTES = 1 << 30  # of pixels: what is shuffled as a whole
WINDOW_BYTES = 256 << 20  # of larger data: what is in memory at once
BLOCK_BYTES = 256 << 10  # read at nearly a disk's full rate, wherever it lies


def shuffled(
    count: int, row_bytes: int, window: int, random: np.random.Generator
) -> NDArray[np.int64]:
    """A permutation (count,) of the examples, each of `row_bytes` pixels; it depends on nothing but
    the arguments.

    Up to WHOLE_BYTES of pixels, all permutations are equally likely. Beyond, the examples are cut
    into blocks of neighbours, the blocks are shuffled, and then the examples within each `window`
    of so many, so that training needs one window in memory at a time. Neighbours are mostly of one
    class; the blocks are small so that a window has many of every class: of 10 equal ones about
    102 each, give or take 10."""
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
