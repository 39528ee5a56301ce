"""The compiled kernels, for tests that need them."""

import pytest

from mlptrain.backend.compiled import CompiledBackend, UnavailableError


def compiled_backend(threads: int = 1) -> CompiledBackend:
    """A compiled backend on `threads` threads. Without kernels it skips the test or, called at the
    top of a module, the module."""
    try:
        backend = CompiledBackend()
    except UnavailableError as error:
        pytest.skip(f"no compiled kernels: {error}", allow_module_level=True)
    backend.use_threads(threads)
    return backend
