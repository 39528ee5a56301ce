"""What the numbers of a run depend on besides its inputs: kernels, threads, BLAS, versions."""

import os
import platform
from functools import cache
from typing import Literal, get_args

import numpy as np
from threadpoolctl import threadpool_info

from mlptrain import __version__
from mlptrain.backend.compiled import CompiledBackend, UnavailableError
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.data.loading import processors
from mlptrain.errors import UsageError

Threads = int | Literal["auto"]

Kernels = Literal["compiled", "numpy"]

KERNELS_VARIABLE = "MLPTRAIN_KERNELS"
SMALL_PRODUCT = 8_000_000  # multiplications; below, a second core saves the BLAS some 10 µs


def choose_backend() -> NumpyBackend:
    """The compiled kernels where there are some, else NumPy; MLPTRAIN_KERNELS insists on either.

    Raises UsageError if the variable asks for what is not there."""
    wanted = os.environ.get(KERNELS_VARIABLE, "")
    if wanted not in ("", *get_args(Kernels)):
        raise UsageError(
            f"{KERNELS_VARIABLE}: must be compiled or numpy, got {wanted!r}. Correct or unset it."
        )
    if wanted == "numpy":
        return NumpyBackend()
    try:
        return CompiledBackend()
    except UnavailableError as error:
        if wanted:
            raise UsageError(
                f"{KERNELS_VARIABLE}: there are no compiled kernels: {error}"
            ) from None
        return NumpyBackend()


def set_threads(
    backend: NumpyBackend, wanted: Threads, multiplications: int = SMALL_PRODUCT
) -> int:
    """Let the backend use `wanted` threads, and return their number: never more than the cores
    that this process may use, which would slow small products down a hundredfold.

    "auto" is all of these; but one without compiled kernels where even the largest product has few
    `multiplications`: the BLAS's threads, waiting for each other, gain little there, and lose a
    factor of ten when something else runs on one of the cores."""
    cores = processors()
    if wanted != "auto":
        threads = min(wanted, cores)
    elif backend.kernels == "numpy" and multiplications < SMALL_PRODUCT:
        threads = 1
    else:
        threads = cores
    backend.use_threads(threads)
    return threads


def blas() -> str:
    """The BLAS in use and its kernels, for the record: "openblas 0.3.31 Haswell"."""
    for library in threadpool_info():
        if library["user_api"] == "blas":
            kernels = library.get("architecture", "")
            return f"{library['internal_api']} {library['version']} {kernels}".strip()
    return "unknown"


@cache
def environment() -> dict[str, str]:
    """Versions, BLAS and machine, for the record."""
    return {
        "mlptrain": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
        "machine": f"{platform.system()} {platform.machine()}",
    }
