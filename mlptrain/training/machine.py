"""What the numbers of a run depend on besides its inputs: threads, BLAS, versions."""

import platform
from functools import cache
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from mlptrain import __version__
from mlptrain.data.loading import processors

Threads = int | Literal["auto"]

SMALL_PRODUCT = 8_000_000  # multiplications; below, a second core saves some 10 µs


def set_threads(wanted: Threads, multiplications: int = SMALL_PRODUCT) -> int:
    """Let the BLAS use `wanted` threads, and return their number.

    "auto" is one per core this process may use, or one in all where even the largest product has
    few `multiplications`: threads that wait for each other gain little there, and lose a factor of
    ten when something else runs on one of the cores. Never more than there are cores, which would
    slow small products down a hundredfold."""
    cores = processors()
    if wanted == "auto":
        threads = cores if multiplications >= SMALL_PRODUCT else 1
    else:
        threads = min(wanted, cores)
    threadpool_limits(threads, user_api="blas")
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
