"""What the numbers of a run depend on besides its inputs: threads, BLAS, versions."""

import os
import platform
from functools import cache
from typing import Literal

import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

from mlptrain import __version__


def set_threads(wanted: int | Literal["auto"]) -> int:
    """Let the BLAS use `wanted` threads, or with "auto" one per core this process may use; never
    more than that, since more threads than cores slow small products down a hundredfold. Returns
    the number set."""
    cores = len(os.sched_getaffinity(0))
    threads = cores if wanted == "auto" else min(wanted, cores)
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
