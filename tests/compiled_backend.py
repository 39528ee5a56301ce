"""The compiled kernels, for the tests that are about them."""

import pytest

from mlptrain.backend.compiled import CompiledBackend, UnavailableError


def compiled_backend(threads: int = 1) -> CompiledBackend:
    """Skips the test, or the whole module where it is called at its top, if there is none."""
    try:
        backend = CompiledBackend()
    except UnavailableError as error:
        pytest.skip(f"no compiled kernels: {error}", allow_module_level=True)
    backend.use_threads(threads)
    return backend
