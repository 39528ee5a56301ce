"""The reference backend: NumPy arrays in main memory, computed by the plain rules."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlptrain.backend.blas import use_blas_threads
from mlptrain.backend.call import Array, Bound, Call
from mlptrain.backend.denormals import denormals_are_zero
from mlptrain.backend.memory import empty
from mlptrain.backend.protocol import Kernels, MatmulPrecision
from mlptrain.backend.random import Random


class NumpyBackend:
    """A `Backend` with arrays in main memory, computed by NumPy and its BLAS."""

    kernels: Kernels = "numpy"
    dtypes: tuple[str, ...] = ("float32", "float64")
    matmul_precisions: tuple[MatmulPrecision, ...] = ("float32", "bfloat16")
    chunk: int = 65_536  # four float32 arrays of this size fill 1 MiB, an L2 cache
    remark: str = ""
    xp: ModuleType = np

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """An uninitialized array (*shape*) that starts at a cache line."""
        return empty(shape, dtype)

    def put(self, array: NDArray[Any]) -> Array:
        """The array itself."""
        return array

    def fetch(self, array: Array) -> NDArray[Any]:
        """The array itself."""
        return array

    def bind(self, calls: Iterable[Call]) -> Bound:
        """The plain rules, in order."""
        rules = [call.bind(self.xp) for call in calls]

        def run(times: int = 1) -> None:
            for _ in range(times):
                for rule in rules:
                    rule()

        return run

    def random(self, seed: int, purpose: int, step: Array) -> Random:
        """NumPy's Philox generator."""
        return Random(seed, purpose, step)

    @contextmanager
    def quiet(self) -> Iterator[None]:
        """NumPy's warnings are off; denormals are 0 where `denormals_are_zero` supports that."""
        with np.errstate(all="ignore"), denormals_are_zero():
            yield

    def use_threads(self, threads: int) -> int:
        """Let the BLAS use `threads` threads; everything else runs on one."""
        use_blas_threads(threads)
        return threads
