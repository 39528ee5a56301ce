"""How threads share the matrix products of a dense layer."""

from typing import Any

from mlptrain.backend.call import Array, Call
from mlptrain.backend.memory import empty
from mlptrain.backend.operations import (
    ENTRY,
    GRAIN,
    Operation,
    by_columns,
    entries,
    operation,
    own_rows,
    parts_of,
)

TRANSPOSED_A, TRANSPOSED_B, BY_COLUMNS, BY_INNER, IN_BFLOAT16 = 1, 2, 4, 8, 16
FEW_ROWS = 64  # with fewer rows of a product, threads share its columns


def affine(call: Call, threads: int) -> list[Operation]:
    """out (m, n) = x (m, k) w (k, n) + b, if there is a b (n,)."""
    (m, n), x, w = call.out.shape, call.arrays["x"], call.arrays["w"]
    k, b, how = x.shape[1], call.arrays.get("b"), _rounding(call)
    if not by_columns(m, k, threads):
        return [_product(call.out, x, w, b, k, how, threads)]
    whole = (m, n, k, how | BY_INNER)
    product = operation("matrix_product", (), k, m * n, threads, sizes=whole, grain=GRAIN)
    if product.parts == 1:
        return [_product(call.out, x, w, b, k, how, 1)]
    each = empty((product.parts, m, n), x.dtype)
    items, sizes = entries(call.out, threads), (m, n, product.parts)
    return [
        product._replace(arrays=(each, x, w, None)),
        operation(
            "sum_up",
            (call.out, each, b),
            items,
            ENTRY,
            threads,
            sizes=sizes,
            grain=GRAIN,
            rows=own_rows(call.out, threads),
            shared=(1, 2),
        ),
    ]


def input_gradient(call: Call, threads: int) -> list[Operation]:
    """out (m, k) = g (m, n) wᵀ."""
    g, how = call.arrays["g"], _rounding(call) | TRANSPOSED_B
    return [_product(call.out, g, call.arrays["w"], None, g.shape[1], how, threads)]


def weights_gradient(call: Call, threads: int) -> list[Operation]:
    """out (k, n) = xᵀ g."""
    x, how = call.arrays["x"], _rounding(call) | TRANSPOSED_A
    return [_product(call.out, x, call.arrays["g"], None, x.shape[0], how, threads)]


def _rounding(call: Call) -> int:
    """Whether the factors are rounded, as a flag of `how`."""
    function: Any = call.rule.__self__  # type: ignore[attr-defined]
    return IN_BFLOAT16 if function.is_rounded else 0


def _product(
    out: Array, a: Array, b: Array, row: Array | None, k: int, how: int, threads: int
) -> Operation:
    """out (m, n) = a (m, k) b (k, n) + row; `how` says which operand is stored transposed and
    whether both are rounded. Threads share the rows of out, or its columns if they own those or
    there are few rows."""
    m, n = out.shape
    items, others, sums_rows = m, n, how & TRANSPOSED_A
    is_low = m < FEW_ROWS and m <= n and parts_of(m * n * k, threads, threads) > 1
    if is_low or (not sums_rows and by_columns(m, n, threads)):
        items, others, how = n, m, how | BY_COLUMNS
    return operation(
        "matrix_product",
        (out, a, b, row),
        items,
        others * k,
        threads,
        sizes=(m, n, k, how),
        grain=GRAIN,
        rows=0 if sums_rows or how & BY_COLUMNS else m,
        shared=(2, 3),
        writes_out=True,
    )
