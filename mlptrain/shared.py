"""Contexts that change what all threads of a process share."""

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedContext(Generic[T]):
    """A context that several threads can be in at once: the first to come enters what `make` makes,
    the last to go leaves it, so that nothing of it stays behind. All get the value that it had for
    the first. `lock` is held while it is entered and left."""

    def __init__(self, make: Callable[[], AbstractContextManager[T]]) -> None:
        self.lock = threading.Lock()
        self._make = make
        self._inside = 0
        # a child of a fork has the lock as it was, but not the thread that would release it
        os.register_at_fork(
            before=self.lock.acquire,
            after_in_parent=self.lock.release,
            after_in_child=self.lock.release,
        )

    def __enter__(self) -> T:
        with self.lock:
            if self._inside == 0:
                self._context = self._make()
                self._value = self._context.__enter__()
            self._inside += 1
            return self._value

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self.lock:
            self._inside -= 1
            if self._inside == 0:
                self._context.__exit__(None, None, None)


@contextmanager
def _ignoring() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


warnings_ignored = SharedContext(_ignoring)  # no warnings, such as Pillow's about a damaged file
