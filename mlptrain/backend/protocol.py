"""The seam between the engine and what computes: everything that the engine asks of a backend.

An implementation need not derive from another one, nor from `Backend`: it has what is listed here.
"""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Literal, Protocol

from numpy.typing import DTypeLike

from mlptrain.backend.call import Array, Bound, Call
from mlptrain.backend.random import Random

Kernels = Literal["compiled", "numpy"]


class Backend(Protocol):
    """Memory for arrays, and code for the calls that read and write them.

    Attributes:
        kernels: the backend's name: what computes. A checkpoint records it.
        dtypes: the floating-point dtypes, by name, that parameters can have.
        chunk: into how many elements to cut a vector for a rule that makes several passes over it.
        remark: what the user should know of the choice of this backend; mostly empty.
        xp: the array module that plain rules are called with.
    """

    kernels: Kernels
    dtypes: tuple[str, ...]
    chunk: int
    remark: str
    xp: ModuleType

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        """An uninitialized array (*shape*), C order, where this backend computes."""

    def bind(self, calls: Iterable[Call]) -> Bound:
        """One function that makes `calls` in order, for one thread at a time."""

    def random(self, seed: int, purpose: int, step: Array) -> Random:
        """Random numbers for `step` (1,), a counter, with the key (seed, purpose)."""

    def quiet(self) -> AbstractContextManager[None]:
        """While it lasts, in this thread: Inf and NaN arise without a warning, because the caller
        checks for them; denormals count as 0 where the processor can do that."""

    def use_threads(self, threads: int) -> int:
        """Share the work of every call bound from now on among `threads` threads, or as many as
        there can be. Returns their number."""
