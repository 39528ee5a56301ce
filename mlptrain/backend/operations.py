"""Operations: the steps of a compiled program, and how threads share each of them.

A thread owns the same share of the rows of every weight matrix, and it alone reads and updates
them: writing a cache line that another core has read costs 20 ns, more than the update. Forward,
it multiplies its columns of x by these rows, and the threads' products are summed. Backward, it
computes its columns of x's gradient and its rows of the weights' gradient. This pays while there
are fewer sums than weights; with larger batches, threads own rows of x instead (`by_columns`).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call

ENTRY, ROOT, EXPONENTIAL = 8, 16, 32  # multiplications per entry: simple, square-root, eˣ kernels
COPIED = 4  # entries copied in the time of one multiplication
ROW = 16  # entries: the extra cost of each row in a row-wise kernel
WORK_PER_THREAD = 65_536  # multiplications worth handing to another thread
GRAIN = 8  # rows, columns or entries: half a cache line


class Operation(NamedTuple):
    """One call of a kernel, with the arrays and numbers it takes.

    `bounds` cuts the items into segments; each segment is cut into `parts`, one per thread, at
    multiples of `grain`."""

    kernel: str
    arrays: tuple[Array | None, ...]
    bounds: NDArray[np.int64]
    parts: int
    sizes: tuple[int, ...]
    settings: tuple[float, ...]
    grain: int


Kernel = Callable[[Call, int], list[Operation]]  # (call, threads) → operations


def operation(
    kernel: str,
    arrays: tuple[Array | None, ...],
    items: int | NDArray[np.int64],
    work: int,
    threads: int,
    *,
    sizes: tuple[int, ...] = (),
    settings: tuple[float, ...] = (),
    grain: int = 1,
) -> Operation:
    """An operation in one part per thread, but none below WORK_PER_THREAD multiplications; each
    item costs `work` of them. `items`: their number, or the bounds of segments."""
    bounds = np.array((0, items)) if isinstance(items, int) else items
    grains = int(np.diff(bounds).max()) // grain
    parts = min(threads, int(bounds[-1]) * work // WORK_PER_THREAD, grains)
    return Operation(kernel, arrays, bounds, max(parts, 1), sizes, settings, grain)


def by_columns(rows: int, columns: int, threads: int) -> bool:
    """Whether threads own columns of x (rows, columns), and the rows of the weights that these
    multiply, rather than rows of x."""
    return rows * threads < columns


def entries(array: Array, threads: int) -> int | NDArray[np.int64]:
    """The entries of an array as items; where threads own its columns, one segment per row."""
    rows, columns = array.shape if array.ndim == 2 else (1, 1)
    if by_columns(rows, columns, threads):
        return np.arange(0, array.size + 1, columns)
    return array.size


def entrywise(kernel: str, names: str, *settings: str, work: int = ENTRY) -> Kernel:
    """A kernel that computes each entry of out from the arrays `names` and the function's
    `settings`. A call may bring the `bounds` of its segments."""

    def operations(call: Call, threads: int) -> list[Operation]:
        arrays = tuple(call.arrays[name] for name in names.split())
        return [
            operation(
                kernel,
                (call.out, *arrays),
                call.arrays.get("bounds", entries(call.out, threads)),
                work,
                threads,
                sizes=call.out.shape,
                settings=tuple(setting(call, name) for name in settings),
                grain=GRAIN,
            )
        ]

    return operations


def rowwise(kernel: str, names: str, *settings: str, work: int = ENTRY) -> Kernel:
    """A kernel that computes each row of out (rows, width) from the arrays `names` and the
    function's `settings`."""

    def operations(call: Call, threads: int) -> list[Operation]:
        rows, width = call.out.shape
        arrays = tuple(call.arrays[name] for name in names.split())
        numbers = tuple(setting(call, name) for name in settings)
        return [
            operation(
                kernel,
                (call.out, *arrays),
                rows,
                (width + ROW) * work,
                threads,
                sizes=(width,),
                settings=numbers,
            )
        ]

    return operations


def setting(call: Call, name: str) -> float:
    """The setting `name` of the definition whose method the rule is."""
    return float(getattr(call.rule.__self__, name))  # type: ignore[attr-defined]
