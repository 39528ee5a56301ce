"""Which compiled kernels replace which plain rule.

`@kernel(name)` above a rule names its kernel; `KERNELS[name]` turns a call of the rule into
operations of the C functions in `csrc`, each of which exists for float32 and for float64. NumPy
computes rules without a kernel, and arrays of other types. A kernel belongs to the function itself:
a subclass that inherits the rule has it, one that overrides the rule does not.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.backend.call import Array, Call
from mlptrain.backend.memory import empty
from mlptrain.backend.operations import (
    COPIED,
    ENTRY,
    EXPONENTIAL,
    GRAIN,
    ROOT,
    ROW,
    Kernel,
    Operation,
    entries,
    entrywise,
    operation,
    own_rows,
    rowwise,
    setting,
)
from mlptrain.backend.products import affine, input_gradient, weights_gradient

REAL = ("float32", "float64")
OF_ANY_TYPE = {"row", "put", "advance", "take"}  # kernels that only move bytes


def _of_indices(kernel: Kernel) -> Kernel:
    """A loss's `kernel`, limited to targets that are indices; the plain rule takes others.
    The forward kernel does not write `t`, which the plain gradient reads, so a loss must have
    kernels for both."""

    def operations(call: Call, threads: int) -> list[Operation]:
        loss: Any = call.rule.__self__  # type: ignore[attr-defined]
        both = _of(loss.forward) and _of(loss.gradient_x)
        return kernel(call, threads) if both and call.arrays["targets"].ndim == 1 else []

    return operations


def _column_sums(call: Call, threads: int) -> list[Operation]:
    g = call.arrays["g"]
    rows, columns = g.shape
    return [
        operation(
            "sum_columns",
            (call.out, g),
            columns,
            rows,
            threads,
            sizes=(rows, columns),
            grain=2 * GRAIN,
            writes_out=True,
        )
    ]


def _sum_of_rows(kernel: str, work: int, *settings: float) -> Kernel:
    """A loss that writes the predictions and the loss of each row, and then adds these up."""

    def operations(call: Call, threads: int) -> list[Operation]:
        x, p, targets, weights, row = (
            call.arrays[name] for name in ("x", "p", "targets", "weights", "row")
        )
        rows, width = x.shape
        each, cost = (p, x, row, targets), (width + ROW) * work
        return [
            operation(
                kernel, each, rows, cost, threads, sizes=(width,), settings=settings, rows=rows
            ),
            operation(
                "weighted_sum", (call.out, row, weights), 1, 1, 1, sizes=(rows,), writes_out=True
            ),
        ]

    return operations


def _cross_entropy(call: Call, threads: int) -> list[Operation]:
    loss: Any = call.rule.__self__  # type: ignore[attr-defined]
    settings = loss.label_smoothing, loss.most(call.out.dtype)
    return _sum_of_rows("cross_entropy", EXPONENTIAL, *settings)(call, threads)


def _count_correct(call: Call, threads: int) -> list[Operation]:
    x, labels, same = (call.arrays[name] for name in ("x", "labels", "same"))
    rows, width = x.shape
    arrays, cost = (same, x, labels), (width + ROW) * ENTRY
    return [
        operation(
            "is_correct", arrays, rows, cost, threads, sizes=(width,), rows=rows, writes_out=True
        ),
        operation("count", (call.out, same), 1, 1, 1, sizes=(rows,), writes_out=True),
    ]


def _clip_factor(call: Call, threads: int) -> list[Operation]:
    sums, of_parts = _square_sums(call.arrays["g"], call.arrays["bounds"], threads)
    limit = (call.arrays["limit"],)
    return [
        of_parts,
        operation("clip_factor", (call.out, sums), 1, 1, 1, sizes=(threads,), settings=limit),
    ]


def _add_penalty(call: Call, threads: int) -> list[Operation]:
    sums, of_parts = _square_sums(call.arrays["w"], call.arrays["bounds"], threads)
    arrays = (call.out, sums, call.arrays["share"])
    return [of_parts, operation("add_penalty", arrays, 1, 1, 1, sizes=(threads,))]


def _square_sums(x: Array, bounds: NDArray[np.int64], threads: int) -> tuple[Array, Operation]:
    """Memory for one float64 per thread, and the operation that adds to each the sum of the squares
    of the thread's share of x."""
    sums = empty((8 * threads,), np.uint8)
    sums[...] = 0
    return sums, operation("square_sums", (sums, x), bounds, 1, threads, grain=GRAIN)


def _dropout(call: Call, threads: int) -> list[Operation]:
    x, mask, random = (call.arrays[name] for name in ("x", "mask", "random"))
    return [
        operation(
            "dropout",
            (call.out, x, mask, random.step),
            entries(call.out, threads),
            EXPONENTIAL,
            threads,
            sizes=(random.seed, random.purpose, random.number),
            settings=(setting(call, "rate"),),
            grain=GRAIN,
            rows=own_rows(call.out, threads),
            shared=(3,),
        )
    ]


def _row(call: Call, threads: int) -> list[Operation]:
    table, counter = call.arrays["table"], call.arrays["counter"]
    sizes = (len(table), table[0].nbytes)
    return [operation("row", (call.out, table, counter), 1, 1, threads, sizes=sizes)]


def _put(call: Call, threads: int) -> list[Operation]:
    arrays = (call.out, call.arrays["value"], call.arrays["counter"])
    return [operation("put", arrays, 1, 1, threads, sizes=(len(call.out), call.out[0].nbytes))]


def _advance(call: Call, threads: int) -> list[Operation]:
    return [operation("advance", (call.out,), 1, 1, threads)]


def _scaled_rows(call: Call, threads: int) -> list[Operation]:
    is_pixels = call.arrays["numbers"].dtype == np.uint8
    kernel = "scaled_pixels" if is_pixels else "scaled_numbers"
    _, width = call.out.shape
    each = {name: call.arrays[name] for name in ("scale", "offset")}
    wide = {name: x if x is None else x.repeat(width // x.size) for name, x in each.items()}
    scaled = rowwise(kernel, "numbers places scale offset", shared="numbers scale offset")
    return scaled(replace(call, arrays=call.arrays | wide), threads)


def _take(call: Call, threads: int) -> list[Operation]:
    arrays = (call.out, call.arrays["source"], call.arrays["places"])
    row = call.out[0]
    work = max(1, row.size // COPIED)
    sizes = (row.nbytes,)
    return [operation("take", arrays, len(call.out), work, threads, sizes=sizes, writes_out=True)]


def _shares(call: Call, threads: int) -> list[Operation]:
    arrays = (call.out, call.arrays["places"], call.arrays["weights"])
    return [operation("shares", arrays, 1, 1, threads, sizes=call.out.shape, writes_out=True)]


def _sgd(call: Call, threads: int) -> list[Operation]:
    if "v" in call.arrays:
        kernel = entrywise("momentum", "g coefficients v", "nesterov", work=ROOT, writes_out=False)
        return kernel(call, threads)
    return entrywise("sgd", "g coefficients", work=ROOT)(call, threads)


KERNELS: dict[str, Kernel] = {
    "affine": affine,
    "affine_gradient_x": input_gradient,
    "affine_gradient_w": weights_gradient,
    "affine_gradient_b": _column_sums,
    "relu": entrywise("relu", "x"),
    "relu_gradient": entrywise("relu_gradient", "g y"),
    "leaky_relu": entrywise("leaky_relu", "x", "negative_slope"),
    "leaky_relu_gradient": entrywise("leaky_relu_gradient", "g y", "negative_slope"),
    "tanh": entrywise("hyperbolic_tangent", "x", work=EXPONENTIAL),
    "tanh_gradient": entrywise("hyperbolic_tangent_gradient", "g y"),
    "sigmoid": entrywise("sigmoid", "x", work=EXPONENTIAL),
    "sigmoid_gradient": entrywise("sigmoid_gradient", "g y"),
    "softmax": rowwise("softmax", "x", work=EXPONENTIAL),
    "dropout": _dropout,
    "dropout_gradient": entrywise("multiply", "g mask"),
    "cross_entropy": _of_indices(_cross_entropy),
    "cross_entropy_gradient": _of_indices(
        rowwise("cross_entropy_gradient", "g p targets weights", "label_smoothing", shared="g")
    ),
    "binary_log_loss": _sum_of_rows("binary_log_loss", EXPONENTIAL),
    "squared_error": _sum_of_rows("squared_error", ENTRY),
    "residual_gradient": rowwise("residual_gradient", "g p targets weights", shared="g"),
    "count_correct": _count_correct,
    "decay": entrywise("decay", "g coefficients", work=ROOT, writes_out=False),
    "sgd": _sgd,
    "adam": entrywise("adam", "g coefficients m v", work=ROOT, writes_out=False),
    "clip_factor": _clip_factor,
    "add_penalty": _add_penalty,
    "add_share": entrywise("add_share", "g share"),
    "scale": entrywise("scale_by", "factor"),
    "row": _row,
    "put": _put,
    "advance": _advance,
    "scaled_rows": _scaled_rows,
    "sparse_rows": rowwise(
        "sparse_rows", "places data columns ends", work=COPIED, shared="data columns ends"
    ),
    "take": _take,
    "shares": _shares,
}


Rule = TypeVar("Rule", bound=Callable[..., None])
BOUND: dict[Callable[..., None], str] = {}  # each rule's kernel, by name


def kernel(name: str) -> Callable[[Rule], Rule]:
    """Decorates a rule (a function or a method) that the kernel `name` can compute."""

    def bind(rule: Rule) -> Rule:
        BOUND[rule] = name
        return rule

    return bind


def _of(rule: Any) -> Kernel | None:
    """The kernel of `rule`, a function or a bound method; None: it has none."""
    name = BOUND.get(getattr(rule, "__func__", rule))
    return None if name is None else KERNELS[name]


def operations(call: Call, threads: int) -> list[Operation]:
    """The operations that replace `call` on `threads` threads; empty if only the plain rule can
    compute it."""
    kernel = _of(call.rule)
    if kernel is None:
        return []
    operations = kernel(call, threads)
    real = call.out.dtype.name
    if not all(_fits(array, real) for each in operations for array in each.arrays):
        return []
    return [
        each if each.kernel in OF_ANY_TYPE else each._replace(kernel=f"{each.kernel}_{real}")
        for each in operations
    ]


def _fits(array: Array | None, real: str) -> bool:
    """Whether a kernel for numbers of the type `real` can read and write `array`."""
    if array is None:
        return True
    return array.flags.c_contiguous and (
        array.dtype in (np.int64, np.uint8) or real == array.dtype.name in REAL
    )
