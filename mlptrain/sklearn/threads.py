"""How many threads a fit may use in a process that is not ours."""

from collections.abc import Iterator
from contextlib import contextmanager

from mlptrain.backend.blas import blas_threads_kept
from mlptrain.backend.cores import usable_cores
from mlptrain.backend.protocol import Backend


@contextmanager
def engine_threads(backend: Backend) -> Iterator[None]:
    """A context in which `backend` uses as many threads as the BLAS may use outside it: what
    joblib, threadpoolctl or OMP_NUM_THREADS allow. Any number of threads may enter it."""
    with blas_threads_kept as allowed:
        backend.use_threads(min(allowed, usable_cores()))
        yield
