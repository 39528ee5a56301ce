"""What a run's results depend on besides its inputs: kernels, threads, BLAS, versions."""

import os
import platform
from functools import cache
from importlib.metadata import version

import numpy as np

from mlptrain import __version__
from mlptrain.backend.blas import numpy_blas
from mlptrain.backend.choice import choose_backend, set_threads
from mlptrain.backend.cores import usable_cores


def blas() -> str:
    """The BLAS in use and its kernels, to be recorded: "openblas 0.3.31 Haswell"."""
    library = numpy_blas()
    if library is None:
        return "unknown"
    kernels = library.get("architecture", "")
    return f"{library['internal_api']} {library['version']} {kernels}".strip()


@cache
def environment() -> dict[str, str]:
    """Versions, BLAS and machine, to be recorded."""
    return {
        "mlptrain": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas(),
        "machine": f"{platform.system()} {platform.machine()}",
    }


def report() -> dict[str, str | int]:
    """What `mlptrain info` prints: versions, kernels and threads. Matrix products have the `matmul`
    precisions, fastest first. Of the machine's `processors`, this process may use `cores`;
    `training.threads: auto` uses `threads`."""
    backend = choose_backend()
    return {
        **environment(),
        "kernels": backend.kernels + (f" ({backend.remark})" if backend.remark else ""),
        "matmul": ", ".join(backend.matmul_precisions),
        "device": "cpu",
        "processors": os.cpu_count() or 1,
        "cores": usable_cores(),
        "threads": set_threads(backend, "auto"),
        **{name: version(name) for name in ("pillow", "pydantic", "pyyaml", "safetensors")},
    }
