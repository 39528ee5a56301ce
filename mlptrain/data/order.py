"""In which order an epoch goes through the examples."""

import numpy as np
from numpy.typing import NDArray

WHOLE_BYTES = 1 << 30  # of pixels: what is shuffled as a whole
WINDOW_BYTES = 256 << 20  # of larger data: what is in memory at once
_BLOCKS_PER_WINDOW = 1024  # of 256 KiB: still read at nearly a disk's full rate


def shuffled(count: int, row_bytes: int, random: np.random.Generator) -> NDArray[np.int64]:
    """A permutation (count,) of the examples, each of `row_bytes` pixels; it depends on nothing but
    the arguments.

    All permutations are equally likely up to WHOLE_BYTES of pixels. Beyond, the examples are cut
    into blocks of neighbours, the blocks are shuffled, and the rows are shuffled within windows of
    WINDOW_BYTES, so that training needs one window in memory at a time. Neighbours are mostly of
    one class; the blocks are small so that a window holds many of every class: of 10 equal classes
    about 102 blocks each, give or take 10."""
    if count * row_bytes <= WHOLE_BYTES:
        return random.permutation(count)
    block = max(1, WINDOW_BYTES // _BLOCKS_PER_WINDOW // row_bytes)
    starts = random.permutation(-(-count // block)) * block
    order = (starts[:, None] + np.arange(block)).reshape(-1)
    order = order[order < count]
    window = block * _BLOCKS_PER_WINDOW
    for first in range(0, count, window):
        random.shuffle(order[first : first + window])
    return order
