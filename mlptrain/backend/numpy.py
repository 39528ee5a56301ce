"""The reference backend: NumPy arrays in this process's memory, computed by the plain rules.

A backend gives the engine an array module `xp`, memory, and code for its calls. Everything above
calls array functions through `xp`, or methods that arrays of every such module have.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Literal

import numpy as np
from numpy.typing import DTypeLike
from threadpoolctl import threadpool_limits

from mlptrain.backend.call import Array, Bound, Call
from mlptrain.backend.denormals import denormals_are_zero
from mlptrain.backend.memory import empty
from mlptrain.backend.random import Random

Kernels = Literal["compiled", "numpy"]


class NumpyBackend:
    """Arrays in main memory, computed by NumPy and its BLAS.

    Attributes:
        kernels: what computes.
        chunk: of how many elements a rule that makes several passes over a vector is best given;
            four float32 chunks of 65,536 fill 1 MiB, a second-level cache.
        remark: what the user should know of that; mostly empty.
    """

    kernels: Kernels = "numpy"
    chunk = 65_536
    remark = ""
    xp: ModuleType = np

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """An uninitialized array (*shape*) where this backend computes."""
        return empty(shape, dtype)

    def bind(self, calls: Iterable[Call]) -> Bound:
        """One function that makes `calls` in order, for one thread at a time."""
        rules = [call.bind(self.xp) for call in calls]

        def run(times: int = 1) -> None:
            for _ in range(times):
                for rule in rules:
                    rule()

        return run

    def random(self, seed: int, purpose: int, step: Array) -> Random:
        """Random numbers for `step` (1,), a counter, with the key (seed, purpose)."""
        return Random(seed, purpose, step)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """While it lasts, in this thread: Inf and NaN arise without a warning, since whoever runs
        what was bound looks for them; denormals count as 0, where that can be had."""
        with np.errstate(all="ignore"), denormals_are_zero():
            yield

    def use_threads(self, threads: int) -> int:
        """Share the work of every call bound from now on among `threads` threads, or as many as
        there can be; returns their number."""
        threadpool_limits(threads, user_api="blas")
        return threads
