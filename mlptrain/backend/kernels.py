"""Which compiled kernels stand for which plain rule.

`KERNELS` says for each rule, by its qualified name, how a call of it becomes operations of the
kernels in `csrc`. A rule that is not there, and one whose arrays are not float32, stays
NumPy's; a subclass that overrides a rule gives it another name, and so no kernel.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mlptrain.backend.call import Array, Call

ENTRY, ROOT, EXPONENTIAL = 8, 16, 32  # what an entry of simple, square-root and eˣ kernels costs
FITTING = (np.float32, np.int64, np.uint8)
CACHE_LINE = 16  # entries: what threads that write side by side should not share
PRODUCT_GRAIN = 8  # rows or columns
TRANSPOSED_A, TRANSPOSED_B, BY_COLUMNS = 1, 2, 4
FEW_ROWS = 64  # of a product, below which its columns are shared


class Operation(NamedTuple):
    """One call of a kernel: its name, the arrays and numbers it takes, and how many `items`, each
    of as much `work` as so many multiplications, the threads share in multiples of `grain`."""

    kernel: str
    arrays: tuple[Array | None, ...]
    items: int
    work: int
    sizes: tuple[int, ...] = ()
    settings: tuple[float, ...] = ()
    grain: int = 1


Kernel = Callable[[Call], list[Operation]]


def _entrywise(kernel: str, names: str, *settings: str, work: int = ENTRY) -> Kernel:
    """Each entry of out from that entry of the arrays `names`, and the function's `settings`."""

    def operations(call: Call) -> list[Operation]:
        arrays = tuple(call.arrays[name] for name in names.split())
        numbers = tuple(_setting(call, name) for name in settings)
        return [
            Operation(kernel, (call.out, *arrays), call.out.size, work, (), numbers, CACHE_LINE)
        ]

    return operations


def _rowwise(kernel: str, names: str, *settings: str, work: int = ENTRY) -> Kernel:
    """Each row of out (rows, width) from the arrays `names`, and the function's `settings`."""

    def operations(call: Call) -> list[Operation]:
        rows, width = call.out.shape
        arrays = tuple(call.arrays[name] for name in names.split())
        numbers = tuple(_setting(call, name) for name in settings)
        return [Operation(kernel, (call.out, *arrays), rows, width * work, (width,), numbers)]

    return operations


def _of_class_indices(kernel: Kernel) -> Kernel:
    """The kernel of a loss, for targets that are class indices; others stay the plain rule's."""
    return lambda call: kernel(call) if call.arrays["targets"].ndim == 1 else []


def _product(call: Call, a: str, b: str, row: str = "", how: int = 0) -> list[Operation]:
    """out = a b + row, where `how` says which of them are stored transposed."""
    (m, n), arrays = call.out.shape, call.arrays
    k = arrays[a].shape[0 if how & TRANSPOSED_A else 1]
    by_columns = m < FEW_ROWS and m <= n
    sizes = (m, n, k, how | BY_COLUMNS if by_columns else how)
    operands = (call.out, arrays[a], arrays[b], arrays[row] if row else None)
    items, others = (n, m) if by_columns else (m, n)
    return [Operation("matrix_product", operands, items, others * k, sizes, grain=PRODUCT_GRAIN)]


def _column_sums(call: Call) -> list[Operation]:
    rows, columns = call.arrays["g"].shape
    arrays = (call.out, call.arrays["g"])
    return [Operation("sum_columns", arrays, columns, rows, (rows, columns), grain=CACHE_LINE)]


def _cross_entropy(call: Call) -> list[Operation]:
    x, p, labels, weights, row, share = (
        call.arrays[name] for name in ("x", "p", "targets", "weights", "row", "share")
    )
    rows, width = x.shape
    smoothing = (_setting(call, "label_smoothing"),)
    each = (p, x, row, labels)
    mean = (call.out, row, weights, share)
    return [
        Operation("cross_entropy", each, rows, width * EXPONENTIAL, (width,), smoothing),
        Operation("weighted_mean", mean, 1, 1, (rows,)),
    ]


def _count_correct(call: Call) -> list[Operation]:
    x, labels, same = (call.arrays[name] for name in ("x", "labels", "same"))
    rows, width = x.shape
    return [
        Operation("is_correct", (same, x, labels), rows, width * ENTRY, (width,)),
        Operation("sum_up", (call.out, same), 1, 1, (rows,)),
    ]


def _sgd(call: Call) -> list[Operation]:
    if "v" in call.arrays:
        return _entrywise("momentum", "g coefficients v", "nesterov", work=ROOT)(call)
    return _entrywise("sgd", "g coefficients", work=ROOT)(call)


def _square_sums(call: Call) -> list[Operation]:
    g, parts = call.arrays["g"], call.out.size
    each = -(-g.size // parts)
    return [Operation("square_sums", (call.out, g), parts, each, (g.size, each))]


def _setting(call: Call, name: str) -> float:
    """A setting of the definition that the rule belongs to."""
    return float(getattr(call.rule.__self__, name))  # type: ignore[attr-defined]


KERNELS: dict[str, Kernel] = {
    "MatMul.forward": lambda call: _product(call, "x", "w"),
    "Linear.forward": lambda call: _product(call, "x", "w", "b"),
    "MatMul.gradient_x": lambda call: _product(call, "g", "w", how=TRANSPOSED_B),
    "MatMul.gradient_w": lambda call: _product(call, "x", "g", how=TRANSPOSED_A),
    "Linear.gradient_b": _column_sums,
    "ReLU.forward": _entrywise("relu", "x"),
    "ReLU.gradient_x": _entrywise("relu_gradient", "g x"),
    "LeakyReLU.forward": _entrywise("leaky_relu", "x", "negative_slope"),
    "LeakyReLU.gradient_x": _entrywise("leaky_relu_gradient", "g x", "negative_slope"),
    "Tanh.forward": _entrywise("hyperbolic_tangent", "x", work=EXPONENTIAL),
    "Tanh.gradient_x": _entrywise("hyperbolic_tangent_gradient", "g y"),
    "Sigmoid.forward": _entrywise("sigmoid", "x", work=EXPONENTIAL),
    "Sigmoid.gradient_x": _entrywise("sigmoid_gradient", "g y"),
    "Softmax.forward": _rowwise("softmax", "x", work=EXPONENTIAL),
    "Dropout.gradient_x": _entrywise("multiply", "g mask"),
    "CrossEntropy.forward": _of_class_indices(_cross_entropy),
    "CrossEntropy.gradient_x": _of_class_indices(
        _rowwise("cross_entropy_gradient", "g p targets share", "label_smoothing")
    ),
    "CountCorrect.forward": _count_correct,
    "Optimizer.decay": _entrywise("decay", "g coefficients", work=ROOT),
    "SGD.update": _sgd,
    "Adam.update": _entrywise("adam", "g coefficients m v", work=ROOT),
    "square_sums": _square_sums,
    "scaled_rows": _rowwise("scaled_rows", "pixels places scale offset"),
}


def operations(call: Call) -> list[Operation]:
    """What stands for the call; empty if only the plain rule can make it."""
    kernel = KERNELS.get(call.rule.__qualname__)
    if kernel is None:
        return []
    operations = kernel(call)
    fit = (_fits(array) for operation in operations for array in operation.arrays)
    return operations if all(fit) else []


def _fits(array: Array | None) -> bool:
    return array is None or (array.flags.c_contiguous and array.dtype in FITTING)
