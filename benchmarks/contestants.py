"""Who trains: mlptrain twice, five peers, JAX in a form that no training loop with a look at each
step can have, and the matrix products alone.

A peer that can be run in several reasonable ways gets all of them, and the fastest in a heat
before the rounds is the one that is measured, on each row anew.
"""

from collections.abc import Iterator

from benchmarks.rows import Row
from benchmarks.worker import Form

OURS = "mlptrain"
OURS_IN_NUMPY = "mlptrain, NumPy only"
PRODUCTS = "matrix products alone"

PEERS = {
    "scikit-learn": [Form("scikit_learn")],
    "PyTorch": [Form("pytorch", "eager")],
    "torch.compile": [Form("pytorch", "compile"), Form("pytorch", "compile with optimizer")],
    "Keras on JAX": [Form("keras_jax", "steps_per_execution 32")],
    "JAX jit": [Form("jax_jit", "step")],
}
SCAN = "JAX, one scan"  # an epoch as one compiled loop: nothing is seen before it ends
MLPTRAIN = {
    OURS: [Form("mlptrain_loop")],
    OURS_IN_NUMPY: [Form("mlptrain_loop", numpy_only=True)],
}


def forms(row: Row) -> Iterator[tuple[str, list[Form]]]:
    """All contestants of `row` with the forms they may take."""
    yield from MLPTRAIN.items()
    for name, several in {**PEERS, SCAN: [Form("jax_jit", "scan")]}.items():
        alone = [Form(several[0].module, several[0].name, one_core=True)] if row.is_small else []
        yield name, several + alone
    yield PRODUCTS, [Form("products")]
