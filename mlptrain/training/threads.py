"""How many threads the matrix products use."""

import os
from typing import Literal

from threadpoolctl import threadpool_info, threadpool_limits


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
