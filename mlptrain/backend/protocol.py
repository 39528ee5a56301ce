"""The interface between the engine and a backend: all that the engine uses of one.

A backend needs no base class; it has the members listed here.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Literal, Protocol

from numpy.typing import DTypeLike, NDArray

from mlptrain.backend.call import Array, Bound, Call
from mlptrain.backend.random import Random

Kernels = Literal["compiled", "numpy"]
MatmulPrecision = Literal["float32", "bfloat16"]  # float32 (and in float64): not rounded


class Backend(Protocol):
    """Memory for arrays, and code for the calls that read and write them.

    Attributes:
        kernels: the backend's name, which checkpoints record.
        dtypes: the names of the floating-point dtypes that parameters can have.
        matmul_precisions: what the factors of matrix products can be rounded to, fastest first.
        chunk: elements per chunk of a vector, for a rule that makes several passes over it.
        remark: what the user should know about the choice of this backend; usually empty.
        xp: the array module passed to plain rules.
    """

    kernels: Kernels
    dtypes: tuple[str, ...]
    matmul_precisions: tuple[MatmulPrecision, ...]
    chunk: int
    remark: str
    xp: ModuleType

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """An uninitialized array (*shape*), C order, in the memory of this backend."""

    def put(self, array: NDArray[Any]) -> Array:
        """`array`, which is in main memory, in the memory of this backend: a copy or itself."""

    def fetch(self, array: Array) -> NDArray[Any]:
        """`array`, which is in the memory of this backend, in main memory: a copy or itself."""

    def bind(self, calls: Iterable[Call]) -> Bound:
        """One function that makes `calls` in order; two threads must not run it at once."""

    def random(self, seed: int, purpose: int, step: Array) -> Random:
        """Random numbers with the key (seed, purpose); `step` (1,) counts steps."""

    def quiet(self) -> AbstractContextManager[None]:
        """A context in which, in this thread, Inf and NaN give no warnings, because the caller
        checks for them, and denormals are 0 where the processor supports that."""

    def use_threads(self, threads: int) -> int:
        """Share the work of calls bound from now on among `threads` threads, or as many as can be
        started. Returns their number."""
