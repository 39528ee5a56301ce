"""The compiled kernels, for tests that need them."""

from typing import Any

import pytest

from mlptrain.backend.compiled import CompiledBackend, UnavailableError

RACES = pytest.mark.races


def compiled_backend(threads: int = 1) -> CompiledBackend:
    """A compiled backend on `threads` threads. Without kernels it skips the test or, called at the
    top of a module, the module."""
    try:
        backend = CompiledBackend()
    except UnavailableError as error:
        pytest.skip(f"no compiled kernels: {error}", allow_module_level=True)
    backend.use_threads(threads)
    return backend


def on_threads(*numbers: int) -> list[Any]:
    """Values of a test's parameter `threads`. With the most threads, `make races` runs it, too."""
    most = max(numbers)
    return [pytest.param(n, marks=RACES) if n == most else n for n in numbers]
