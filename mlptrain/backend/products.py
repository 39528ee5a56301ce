"""How threads share the matrix products of a dense layer."""

from mlptrain.backend.call import Array, Call
from mlptrain.backend.memory import empty
from mlptrain.backend.operations import (
    ENTRY,
    GRAIN,
    Operation,
    by_columns,
    entries,
    operation,
)

TRANSPOSED_A, TRANSPOSED_B, BY_COLUMNS, BY_INNER = 1, 2, 4, 8
FEW_ROWS = 64  # with fewer rows of a product, threads share its columns


def affine(call: Call, threads: int) -> list[Operation]:
    """out (m, n) = x (m, k) w (k, n) + b, if there is a b (n,)."""
    (m, n), x, w = call.out.shape, call.arrays["x"], call.arrays["w"]
    k, b = x.shape[1], call.arrays.get("b")
    if not by_columns(m, k, threads):
        return [_product(call.out, x, w, b, k, 0, threads)]
    whole = (m, n, k, BY_INNER)
    product = operation("matrix_product", (), k, m * n, threads, sizes=whole, grain=GRAIN)
    if product.parts == 1:
        return [_product(call.out, x, w, b, k, 0, 1)]
    each = empty((product.parts, m, n), x.dtype)
    items, sizes = entries(call.out, threads), (m, n, product.parts)
    return [
        product._replace(arrays=(each, x, w, None)),
        operation("sum_up", (call.out, each, b), items, ENTRY, threads, sizes=sizes, grain=GRAIN),
    ]


def input_gradient(call: Call, threads: int) -> list[Operation]:
    """out (m, k) = g (m, n) wᵀ."""
    g = call.arrays["g"]
    return [_product(call.out, g, call.arrays["w"], None, g.shape[1], TRANSPOSED_B, threads)]


def weights_gradient(call: Call, threads: int) -> list[Operation]:
    """out (k, n) = xᵀ g."""
    x = call.arrays["x"]
    return [_product(call.out, x, call.arrays["g"], None, x.shape[0], TRANSPOSED_A, threads)]


def _product(
    out: Array, a: Array, b: Array, row: Array | None, k: int, how: int, threads: int
) -> Operation:
    """out (m, n) = a (m, k) b (k, n) + row; `how` says which operand is stored transposed. Threads
    share the rows of out, or its columns if they own those or there are few rows."""
    m, n = out.shape
    items, others = m, n
    if (m < FEW_ROWS and m <= n) or (how != TRANSPOSED_A and by_columns(m, n, threads)):
        items, others, how = n, m, how | BY_COLUMNS
    sizes, arrays = (m, n, k, how), (out, a, b, row)
    return operation("matrix_product", arrays, items, others * k, threads, sizes=sizes, grain=GRAIN)
