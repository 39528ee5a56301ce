"""What trains: mlptrain twice, five peers, the matrix products alone, and JAX with a whole epoch in
one compiled loop, which a training loop that looks at each step cannot use.

If there are several reasonable ways to run a peer, all run in heats before the rounds of each row,
and the fastest is measured.
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
SCAN = "JAX, one scan"  # an epoch as one compiled loop: no results before it ends
MLPTRAIN = {
    OURS: [Form("mlptrain_loop")],
    OURS_IN_NUMPY: [Form("mlptrain_loop", numpy_only=True)],
}


def forms(row: Row) -> Iterator[tuple[str, list[Form]]]:
    """The contestants of `row`, each with the forms to choose from."""
    yield from MLPTRAIN.items()
    for name, several in {**PEERS, SCAN: [Form("jax_jit", "scan")]}.items():
        alone = [Form(several[0].module, several[0].name, one_core=True)] if row.is_small else []
        yield name, several + alone
    yield PRODUCTS, [Form("products")]
