"""The number of threads of NumPy's BLAS, which all of the process shares."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from threadpoolctl import OpenBLASController, ThreadpoolController


class _Shared:
    """What all threads share: the contexts `blas_threads_kept` that are open, and the limits and
    the number of threads that the first of them found."""

    lock = threading.Lock()
    contexts = 0
    before: Any = None
    threads = 1


def use_blas_threads(threads: int) -> None:
    """From now on, the BLAS uses `threads` threads, whichever thread calls it."""
    with _Shared.lock, _any_thread_may():
        _libraries().limit(limits=threads)


@contextmanager
def blas_threads_kept() -> Iterator[int]:
    """A context after which the BLAS uses as many threads as before. Its value is that number. Of
    contexts that overlap, in several threads, the last to end restores what the first one found."""
    with _Shared.lock:
        if _Shared.contexts == 0:
            _Shared.before = _libraries().limit(limits=None)
            _Shared.threads = min(each["num_threads"] for each in _libraries().info())
        _Shared.contexts += 1
        threads = _Shared.threads
    try:
        yield threads
    finally:
        with _Shared.lock, _any_thread_may():
            _Shared.contexts -= 1
            if _Shared.contexts == 0:
                _Shared.before.restore_original_limits()


@cache
def _libraries() -> Any:
    """The BLAS libraries that were loaded with NumPy."""
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


# A child of a fork has the lock as it was, but not the thread that would release it.
os.register_at_fork(
    before=_Shared.lock.acquire,
    after_in_parent=_Shared.lock.release,
    after_in_child=_Shared.lock.release,
)
