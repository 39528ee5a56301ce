"""Which compiled kernels stand for which plain rule, and what of them each thread computes.

`KERNELS` says for each rule, by its qualified name, how a call of it becomes operations of the
kernels in `csrc`. A rule that is not there, and one whose arrays are not float32, stays
NumPy's; a subclass that overrides a rule gives it another name, and so no kernel.

A thread owns the same share of the rows of every matrix of weights: it alone reads and updates
them, for to write what another core has read costs it 20 ns per cache line, more than the update.
It multiplies them with its columns of x, and the threads' products are summed up; backward it
computes its columns of the gradient of x, and its rows of that of the weights. That pays while the
sums are fewer than the weights; with larger batches, threads own rows of x instead (`_by_columns`).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.backend.memory import empty

ENTRY, ROOT, EXPONENTIAL = 8, 16, 32  # what an entry of simple, square-root and eˣ kernels costs
ROW = 16  # entries: what a row of a kernel that goes by rows costs besides its own
FITTING = (np.float32, np.int64, np.uint8)
WORK_PER_THREAD = 65_536  # multiplications that are worth handing to another thread
GRAIN = 8  # rows, columns or entries: half a cache line
TRANSPOSED_A, TRANSPOSED_B, BY_COLUMNS, BY_INNER = 1, 2, 4, 8
FEW_ROWS = 64  # of a product, below which its columns are shared


class Operation(NamedTuple):
    """One call of a kernel: its name, the arrays and numbers it takes, and its items, in segments
    from one of the `bounds` to the next. Threads take `parts`: each is its share, a multiple of
    `grain`, of every segment."""

    kernel: str
    arrays: tuple[Array | None, ...]
    bounds: NDArray[np.int64]
    parts: int
    sizes: tuple[int, ...]
    settings: tuple[float, ...]
    grain: int


Kernel = Callable[[Call, int], list[Operation]]  # of a call, for so many threads


def _operation(
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
    """In as many parts as there are threads, if the items, each of as much `work` as so many
    multiplications, are worth it; none is empty. `items`: how many, or the bounds of segments."""
    bounds = np.array((0, items)) if isinstance(items, int) else items
    grains = int(np.diff(bounds).max()) // grain
    parts = min(threads, int(bounds[-1]) * work // WORK_PER_THREAD, grains)
    return Operation(kernel, arrays, bounds, max(parts, 1), sizes, settings, grain)


def _by_columns(rows: int, columns: int, threads: int) -> bool:
    """Whether threads own columns of x (rows, columns), and the rows of the weights that these are
    multiplied with, and not rows of x."""
    return rows * threads < columns


def _entries(array: Array, threads: int) -> int | NDArray[np.int64]:
    """The entries of an array; where threads own its columns, with a segment for each row."""
    rows, columns = array.shape if array.ndim == 2 else (1, 1)
    if _by_columns(rows, columns, threads):
        return np.arange(0, array.size + 1, columns)
    return array.size


def _entrywise(kernel: str, names: str, *settings: str, work: int = ENTRY) -> Kernel:
    """Each entry of out from the arrays `names`, and the function's `settings`. The rule may be
    given the `bounds` of its segments."""

    def operations(call: Call, threads: int) -> list[Operation]:
        arrays = tuple(call.arrays[name] for name in names.split())
        return [
            _operation(
                kernel,
                (call.out, *arrays),
                call.arrays.get("bounds", _entries(call.out, threads)),
                work,
                threads,
                sizes=call.out.shape,
                settings=tuple(_setting(call, name) for name in settings),
                grain=GRAIN,
            )
        ]

    return operations


def _rowwise(kernel: str, names: str, *settings: str, work: int = ENTRY) -> Kernel:
    """Each row of out (rows, width) from the arrays `names`, and the function's `settings`."""

    def operations(call: Call, threads: int) -> list[Operation]:
        rows, width = call.out.shape
        arrays = tuple(call.arrays[name] for name in names.split())
        numbers = tuple(_setting(call, name) for name in settings)
        return [
            _operation(
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


def _of_class_indices(kernel: Kernel) -> Kernel:
    """The kernel of a loss, for targets that are class indices; others stay the plain rule's."""
    return lambda call, threads: kernel(call, threads) if call.arrays["targets"].ndim == 1 else []


def _affine(call: Call, threads: int) -> list[Operation]:
    """out (m, n) = x (m, k) w (k, n), plus b where there is one."""
    (m, n), x, w = call.out.shape, call.arrays["x"], call.arrays["w"]
    k, b = x.shape[1], call.arrays.get("b")
    if not _by_columns(m, k, threads):
        return [_product(call.out, x, w, b, k, 0, threads)]
    whole = (m, n, k, BY_INNER)
    product = _operation("matrix_product", (), k, m * n, threads, sizes=whole, grain=GRAIN)
    if product.parts == 1:
        return [_product(call.out, x, w, b, k, 0, 1)]
    each = empty((product.parts, m, n), np.float32)
    entries, sizes = _entries(call.out, threads), (m, n, product.parts)
    return [
        product._replace(arrays=(each, x, w, None)),
        _operation(
            "sum_up", (call.out, each, b), entries, ENTRY, threads, sizes=sizes, grain=GRAIN
        ),
    ]


def _input_gradient(call: Call, threads: int) -> list[Operation]:
    g = call.arrays["g"]
    return [_product(call.out, g, call.arrays["w"], None, g.shape[1], TRANSPOSED_B, threads)]


def _weights_gradient(call: Call, threads: int) -> list[Operation]:
    x = call.arrays["x"]
    return [_product(call.out, x, call.arrays["g"], None, x.shape[0], TRANSPOSED_A, threads)]


def _product(
    out: Array, a: Array, b: Array, row: Array | None, k: int, how: int, threads: int
) -> Operation:
    """out (m, n) = a (m, k) b (k, n) + row, where `how` says which of them are stored transposed.
    Threads share its rows; its columns if they own these, and if there are few rows."""
    m, n = out.shape
    items, others = m, n
    if (m < FEW_ROWS and m <= n) or (how != TRANSPOSED_A and _by_columns(m, n, threads)):
        items, others, how = n, m, how | BY_COLUMNS
    sizes, arrays = (m, n, k, how), (out, a, b, row)
    return _operation(
        "matrix_product", arrays, items, others * k, threads, sizes=sizes, grain=GRAIN
    )


def _column_sums(call: Call, threads: int) -> list[Operation]:
    g = call.arrays["g"]
    rows, columns = g.shape
    arrays, sizes = (call.out, g), (rows, columns)
    return [_operation("sum_columns", arrays, columns, rows, threads, sizes=sizes, grain=2 * GRAIN)]


def _cross_entropy(call: Call, threads: int) -> list[Operation]:
    x, p, labels, weights, row = (
        call.arrays[name] for name in ("x", "p", "targets", "weights", "row")
    )
    rows, width = x.shape
    each, work = (p, x, row, labels), (width + ROW) * EXPONENTIAL
    smoothing = (_setting(call, "label_smoothing"),)
    return [
        _operation("cross_entropy", each, rows, work, threads, sizes=(width,), settings=smoothing),
        _operation("weighted_sum", (call.out, row, weights), 1, 1, 1, sizes=(rows,)),
    ]


def _count_correct(call: Call, threads: int) -> list[Operation]:
    x, labels, same = (call.arrays[name] for name in ("x", "labels", "same"))
    rows, width = x.shape
    arrays = (same, x, labels)
    return [
        _operation("is_correct", arrays, rows, (width + ROW) * ENTRY, threads, sizes=(width,)),
        _operation("count", (call.out, same), 1, 1, 1, sizes=(rows,)),
    ]


def _square_sums(call: Call, threads: int) -> list[Operation]:
    g, bounds = call.arrays["g"], call.arrays["bounds"]
    sums = empty((threads,), np.float32)
    sums[...] = 0
    return [
        _operation("square_sums", (sums, g), bounds, 1, threads, grain=GRAIN),
        _operation("total", (call.out, sums), 1, 1, 1, sizes=(call.out.size, threads)),
    ]


def _scaled_rows(call: Call, threads: int) -> list[Operation]:
    _, width = call.out.shape
    each = {name: call.arrays[name] for name in ("scale", "offset")}
    wide = {name: x if x is None else x.repeat(width // x.size) for name, x in each.items()}
    scaled = _rowwise("scaled_rows", "pixels places scale offset")
    return scaled(replace(call, arrays=call.arrays | wide), threads)


def _take(call: Call, threads: int) -> list[Operation]:
    arrays = (call.out, call.arrays["source"], call.arrays["places"])
    return [_operation("take", arrays, 1, 1, threads, sizes=(call.out.size, call.out.itemsize))]


def _shares(call: Call, threads: int) -> list[Operation]:
    arrays = (call.out, call.arrays["places"], call.arrays["weights"])
    return [_operation("shares", arrays, 1, 1, threads, sizes=call.out.shape)]


def _sgd(call: Call, threads: int) -> list[Operation]:
    if "v" in call.arrays:
        return _entrywise("momentum", "g coefficients v", "nesterov", work=ROOT)(call, threads)
    return _entrywise("sgd", "g coefficients", work=ROOT)(call, threads)


def _setting(call: Call, name: str) -> float:
    """A setting of the definition that the rule belongs to."""
    return float(getattr(call.rule.__self__, name))  # type: ignore[attr-defined]


KERNELS: dict[str, Kernel] = {
    "MatMul.forward": _affine,
    "Linear.forward": _affine,
    "MatMul.gradient_x": _input_gradient,
    "MatMul.gradient_w": _weights_gradient,
    "Linear.gradient_b": _column_sums,
    "ReLU.forward": _entrywise("relu", "x"),
    "ReLU.gradient_x": _entrywise("relu_gradient", "g y"),
    "LeakyReLU.forward": _entrywise("leaky_relu", "x", "negative_slope"),
    "LeakyReLU.gradient_x": _entrywise("leaky_relu_gradient", "g y", "negative_slope"),
    "Tanh.forward": _entrywise("hyperbolic_tangent", "x", work=EXPONENTIAL),
    "Tanh.gradient_x": _entrywise("hyperbolic_tangent_gradient", "g y"),
    "Sigmoid.forward": _entrywise("sigmoid", "x", work=EXPONENTIAL),
    "Sigmoid.gradient_x": _entrywise("sigmoid_gradient", "g y"),
    "Softmax.forward": _rowwise("softmax", "x", work=EXPONENTIAL),
    "Dropout.gradient_x": _entrywise("multiply", "g mask"),
    "CrossEntropy.forward": _of_class_indices(_cross_entropy),
    "CrossEntropy.gradient_x": _of_class_indices(
        _rowwise("cross_entropy_gradient", "g p targets weights", "label_smoothing")
    ),
    "CountCorrect.forward": _count_correct,
    "Optimizer.decay": _entrywise("decay", "g coefficients", work=ROOT),
    "SGD.update": _sgd,
    "Adam.update": _entrywise("adam", "g coefficients m v", work=ROOT),
    "square_sums": _square_sums,
    "scaled_rows": _scaled_rows,
    "take": _take,
    "shares": _shares,
}


def operations(call: Call, threads: int) -> list[Operation]:
    """What stands for the call on `threads` threads; empty if only the plain rule can make it."""
    kernel = KERNELS.get(call.rule.__qualname__)
    if kernel is None:
        return []
    operations = kernel(call, threads)
    fit = (_fits(array) for operation in operations for array in operation.arrays)
    return operations if all(fit) else []


def _fits(array: Array | None) -> bool:
    return array is None or (array.flags.c_contiguous and array.dtype in FITTING)
