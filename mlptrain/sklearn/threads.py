"""How many threads a fit may use in a process that is not ours."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from mlptrain.backend.blas import blas_threads_kept
from mlptrain.backend.cores import usable_cores


@contextmanager
def engine_threads() -> Iterator[int]:
    """A context in which a backend may use this many threads, as many as the BLAS may use outside
    it: what joblib, threadpoolctl or OMP_NUM_THREADS allow. The BLAS has its own number again
    afterwards. Any number of threads may enter it."""
    with blas_threads_kept as allowed:
        yield min(allowed, _cores())


_cores = cache(usable_cores)  # it reads files, which takes longer than a step
