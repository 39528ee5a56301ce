"""The number of threads of NumPy's BLAS, which all of the process shares."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from threadpoolctl import OpenBLASController, ThreadpoolController

from mlptrain.shared import SharedContext


def use_blas_threads(threads: int) -> None:
    """From now on, the BLAS uses `threads` threads, whichever thread calls it."""
    with blas_threads_kept.lock, _any_thread_may():
        _libraries().limit(limits=threads)


@contextmanager
def _restoring() -> Iterator[int]:
    before = _libraries().limit(limits=None)
    yield min(each["num_threads"] for each in _libraries().info())
    with _any_thread_may():
        before.restore_original_limits()


# Afterwards, the BLAS uses as many threads as before. The context's value is that number.
blas_threads_kept = SharedContext(_restoring)


def numpy_blas() -> dict[str, Any] | None:
    """What threadpoolctl knows of NumPy's BLAS: the library beside NumPy, where its wheels have it,
    or else the first; SciPy has one of its own."""
    beside = f"{np.__path__[0]}.libs"
    found: list[dict[str, Any]] = _libraries().info()
    return min(found, key=lambda each: not each["filepath"].startswith(beside), default=None)


@cache
def _libraries() -> Any:
    """The BLAS libraries that this process had loaded at the first call."""
    return ThreadpoolController().select(user_api="blas")


@contextmanager
def _any_thread_may() -> Iterator[None]:
    """A context in which this thread can change OpenBLAS's limit. threadpoolctl ignores all threads
    but the first that did, until that one ends or gives way."""
    OpenBLASController.clear_controlling_thread(force=True)
    try:
        yield
    finally:
        OpenBLASController.clear_controlling_thread(force=True)
