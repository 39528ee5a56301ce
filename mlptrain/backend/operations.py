"""Operations: the steps of a compiled program, and how threads share each of them. Which of them
run at the same time is for `rounds.py`.

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

    Attributes:
        bounds: they cut the items into segments.
        parts: how many parts each segment is cut into.
        sizes, settings: the kernel's numbers.
        grain: parts begin at multiples of it.
        work: multiplications in all.
        rows: their number, if each part uses only its own rows of all arrays that are not `shared`;
            else 0.
        shared: indices of arrays that each part reads whole.
        writes_out: whether it writes nothing but its first array.
    """

    kernel: str
    arrays: tuple[Array | None, ...]
    bounds: NDArray[np.int64]
    parts: int
    sizes: tuple[int, ...]
    settings: tuple[float, ...]
    grain: int
    work: int
    rows: int
    shared: tuple[int, ...]
    writes_out: bool


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
    rows: int = 0,
    shared: tuple[int, ...] = (),
    writes_out: bool = False,
) -> Operation:
    """An operation in one part per thread, as far as it is worth it; each item costs `work`
    multiplications. `items`: their number, or the bounds of segments."""
    bounds = np.array((0, items)) if isinstance(items, int) else items
    total = int(bounds[-1]) * work
    parts = parts_of(total, threads, int(np.diff(bounds).max()) // grain)
    return Operation(
        kernel, arrays, bounds, parts, sizes, settings, grain, total, rows, shared, writes_out
    )


def parts_of(work: int, threads: int, most: int) -> int:
    """How many parts are worth it: one per thread, but none below WORK_PER_THREAD, and at most
    `most`."""
    return max(1, min(threads, work // WORK_PER_THREAD, most))


def by_columns(rows: int, columns: int, threads: int) -> bool:
    """Whether threads own columns of x (rows, columns), and the rows of the weights that these
    multiply, rather than rows of x."""
    return rows * threads < columns


def _has_own_columns(array: Array, threads: int) -> bool:
    """Whether threads own columns of an array, if it is a matrix."""
    rows, columns = array.shape if array.ndim == 2 else (1, 1)
    return by_columns(rows, columns, threads)


def entries(array: Array, threads: int) -> int | NDArray[np.int64]:
    """The entries of an array as items; where threads own its columns, one segment per row."""
    if _has_own_columns(array, threads):
        return np.arange(0, array.size + 1, array.shape[1])
    return array.size


def own_rows(array: Array, threads: int) -> int:
    """How many rows an array has that threads own; 0 if they own its columns, or if it is no
    matrix."""
    return 0 if array.ndim != 2 or _has_own_columns(array, threads) else len(array)


def entrywise(
    kernel: str, names: str, *settings: str, work: int = ENTRY, writes_out: bool = True
) -> Kernel:
    """A kernel that computes each entry of out from the arrays `names` and the function's
    `settings`. A call may bring the `bounds` of its segments. Unless it only `writes_out`, it also
    changes `names`."""

    def operations(call: Call, threads: int) -> list[Operation]:
        arrays = tuple(call.arrays[name] for name in names.split())
        bounds = call.arrays.get("bounds")
        is_by_rows = bounds is None and all(x.shape == call.out.shape for x in arrays)
        return [
            operation(
                kernel,
                (call.out, *arrays),
                entries(call.out, threads) if bounds is None else bounds,
                work,
                threads,
                sizes=call.out.shape,
                settings=tuple(setting(call, name) for name in settings),
                grain=GRAIN,
                rows=own_rows(call.out, threads) if is_by_rows else 0,
                writes_out=writes_out,
            )
        ]

    return operations


def rowwise(kernel: str, names: str, *settings: str, work: int = ENTRY, shared: str = "") -> Kernel:
    """A kernel that computes each row of out (rows, width) from that row of the arrays `names`, all
    of those that are also `shared`, and the function's `settings`."""
    whole = tuple(names.split().index(name) + 1 for name in shared.split())

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
                rows=rows,
                shared=whole,
                writes_out=True,
            )
        ]

    return operations


def setting(call: Call, name: str) -> float:
    """The setting `name` of the definition whose method the rule is."""
    return float(getattr(call.rule.__self__, name))  # type: ignore[attr-defined]
