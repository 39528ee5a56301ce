"""The choice of a backend and of its number of threads."""

import os
from typing import Literal, get_args

from mlptrain.backend.compiled import CompiledBackend, UnavailableError
from mlptrain.backend.cores import usable_cores
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend, Kernels, MatmulPrecision
from mlptrain.errors import ConfigError, UsageError

Threads = int | Literal["auto"]

KERNELS_VARIABLE = "MLPTRAIN_KERNELS"
SMALL_PRODUCT = 8_000_000  # multiplications; below, a second core saves the BLAS about 10 µs


def choose_backend(recorded: Kernels | None = None) -> Backend:
    """The backend with the kernels `recorded` in the state to resume; without one, the compiled
    kernels if they are available, else NumPy. The environment variable MLPTRAIN_KERNELS overrides
    both.

    Raises UsageError if the variable is invalid or asks for kernels that are missing."""
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


def choose_matmul_precision(
    wanted: MatmulPrecision | Literal["auto"],
    backend: Backend,
    recorded: MatmulPrecision | None = None,
) -> MatmulPrecision:
    """The precision `recorded` in the state to resume; without one, the `wanted`; "auto" is the
    fastest. Raises ConfigError if the backend lacks it."""
    chosen = recorded or (backend.matmul_precisions[0] if wanted == "auto" else wanted)
    if chosen in backend.matmul_precisions:
        return chosen
    cause = "" if recorded is None else ", in which the saved state was trained,"
    remedy = "Set float32 or auto" if recorded is None else "Resume on a machine that has them"
    raise ConfigError(
        f"training.matmul_precision: {chosen}{cause} needs a processor with AVX-512 BF16 and "
        "kernels built by GCC 12 or newer; here, matrix products are in "
        f"{' or '.join(backend.matmul_precisions)}. {remedy}; or set {KERNELS_VARIABLE}=numpy, "
        "which computes it anywhere, but slowly."
    )


def set_threads(backend: Backend, wanted: Threads, multiplications: int = SMALL_PRODUCT) -> int:
    """Let the backend use `wanted` threads, but no more than the cores this process may use:
    extra threads slow small products down a hundredfold. Returns the number of threads.

    "auto" uses all cores. Without compiled kernels it uses one if the largest product has fewer
    than SMALL_PRODUCT `multiplications`: BLAS threads wait for each other, so they gain little
    there, and lose a factor of ten when another process uses one of the cores."""
    cores = usable_cores()
    if wanted != "auto":
        threads = min(wanted, cores)
    elif backend.kernels == "numpy" and multiplications < SMALL_PRODUCT:
        threads = 1
    else:
        threads = cores
    return backend.use_threads(threads)
