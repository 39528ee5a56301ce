"""Which backend computes, with how many threads."""

import os
from typing import Literal, get_args

from mlptrain.backend.compiled import CompiledBackend, UnavailableError
from mlptrain.backend.cores import usable_cores
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend, Kernels
from mlptrain.errors import UsageError

Threads = int | Literal["auto"]

KERNELS_VARIABLE = "MLPTRAIN_KERNELS"
SMALL_PRODUCT = 8_000_000  # multiplications; below, a second core saves the BLAS some 10 µs


def choose_backend(recorded: Kernels | None = None) -> Backend:
    """The backend with the kernels `recorded` in the state to resume, else the compiled kernels if
    there are any. The variable MLPTRAIN_KERNELS forces either.

    Raises UsageError if the variable asks for kernels that are missing."""
    insisted = os.environ.get(KERNELS_VARIABLE) or None
    if insisted not in (None, *get_args(Kernels)):
        raise UsageError(
            f"{KERNELS_VARIABLE}: must be compiled or numpy, got {insisted!r}. Correct or unset it."
        )
    backend: Backend = NumpyBackend()
    remarks = []
    if (insisted or recorded) != "numpy":
        try:
            backend = CompiledBackend()
        except UnavailableError as error:
            if insisted:
                raise UsageError(f"{KERNELS_VARIABLE}: no compiled kernels: {error}") from None
            remarks.append(f"no compiled kernels, so training is slower: {error}")
    if recorded not in (None, backend.kernels):
        remarks.append(
            f"the saved state was trained with {recorded} kernels, so what follows differs from an "
            "uninterrupted run by rounding"
        )
    backend.remark = "; ".join(remarks)
    return backend


def set_threads(backend: Backend, wanted: Threads, multiplications: int = SMALL_PRODUCT) -> int:
    """Let the backend use `wanted` threads, and return their number: never more than the cores
    that this process may use, which would slow small products down a hundredfold.

    "auto" uses all cores. Without compiled kernels it uses one if even the largest product has few
    `multiplications`: BLAS threads wait for each other, so they gain little there and lose a factor
    of ten when something else runs on one of the cores."""
    cores = usable_cores()
    if wanted != "auto":
        threads = min(wanted, cores)
    elif backend.kernels == "numpy" and multiplications < SMALL_PRODUCT:
        threads = 1
    else:
        threads = cores
    return backend.use_threads(threads)
