"""Compiled kernels for plain rules: the same arrays, several times as fast.

Consecutive calls that have kernels become one *program*, which a single native call runs. The
threads are this library's own and share each operation by rows, columns or entries. Each computes
its share of a matrix product by skipping zeros of the first factor, by AVX-512 tiles, or by the
BLAS, which is limited to one thread.
"""

import ctypes
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from importlib.util import find_spec
from itertools import groupby
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlptrain.backend.blas import numpy_blas
from mlptrain.backend.call import Array, Bound, Call
from mlptrain.backend.kernels import operations
from mlptrain.backend.memory import empty
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.operations import Operation
from mlptrain.backend.protocol import Kernels, MatmulPrecision
from mlptrain.backend.random import Random
from mlptrain.backend.rounds import rounds

LAYOUT = 12
# A product skips the zeros of its first factor if at most this share of it is not 0.
DENSEST = 0.6
WIDEST = 512  # bits of a register
GEMM_NAMES = ("scipy_cblas_{}64_", "cblas_{}64_", "scipy_cblas_{}", "cblas_{}")


class UnavailableError(Exception):
    """There are no compiled kernels; the message says why."""


class _Operation(ctypes.Structure):
    _fields_ = (
        ("kernel", ctypes.c_void_p),
        ("bounds", ctypes.c_void_p),
        ("segments", ctypes.c_int64),
        ("grain", ctypes.c_int64),
        ("part", ctypes.c_int64),
        ("parts", ctypes.c_int64),
        ("of_task", ctypes.c_int64),
        ("of_round", ctypes.c_int64),
        ("tasks", ctypes.c_int64),
        ("p", ctypes.c_void_p * 8),
        ("n", ctypes.c_int64 * 4),
        ("f", ctypes.c_double * 2),
    )


class CompiledBackend:
    """A `Backend` that computes with compiled kernels, and with NumPy where a rule has none; arrays
    are in main memory. Raises UnavailableError if there are no kernels."""

    kernels: Kernels = "compiled"
    dtypes: tuple[str, ...] = NumpyBackend.dtypes
    matmul_precisions: tuple[MatmulPrecision, ...] = ("float32",)
    chunk: int = sys.maxsize  # a kernel makes a single pass
    remark: str = ""
    xp: ModuleType = np

    def __init__(self) -> None:
        self._library = _library()
        if self._library.multiplies_bfloat16():
            self.matmul_precisions = ("bfloat16", "float32")
        self._numpy = NumpyBackend()
        self._threads = 1

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
        """One program per run of calls that have kernels, and the plain rules in between."""
        translated = [(call, operations(call, self._threads)) for call in calls]
        parts: list[Bound] = []
        for is_compiled, group in groupby(translated, key=lambda pair: bool(pair[1])):
            if is_compiled:
                parts.append(self._program([each for _, many in group for each in many]))
            else:
                parts.append(self._numpy.bind(call for call, _ in group))
        if len(parts) == 1:
            return parts[0]

        def run(times: int = 1) -> None:
            for _ in range(times):
                for part in parts:
                    part()

        return run

    def random(self, seed: int, purpose: int, step: Array) -> Random:
        """The same numbers as from `NumpyBackend`."""
        return Random(seed, purpose, step)

    def quiet(self) -> AbstractContextManager[None]:
        """The same as `NumpyBackend.quiet`; the library's threads always treat denormals as 0."""
        return self._numpy.quiet()

    def use_threads(self, threads: int) -> int:
        """Start the library's threads, and limit the BLAS to one."""
        self._numpy.use_threads(1)  # each thread calls the BLAS for its own share of a product
        self._threads = min(threads, self._library.start_threads(threads))
        return self._threads

    def _program(self, operations: Sequence[Operation]) -> Bound:
        structures = []
        for tasks in rounds(operations, self._threads):
            of_round = sum(map(len, tasks))
            for task in tasks:
                for operation, part in task:
                    structure = self._structure(operation)
                    structure.part, structure.tasks = part, len(tasks)
                    structure.of_task, structure.of_round = len(task), of_round
                    structures.append(structure)
        program = (_Operation * len(structures))(*structures)
        run, address, length = self._library.run_program, ctypes.addressof(program), len(program)

        def run_program(times: int = 1, *, _kept: Any = (program, operations)) -> None:
            run(address, length, times)

        return run_program

    def _structure(self, operation: Operation) -> _Operation:
        structure = _Operation(
            kernel=ctypes.cast(getattr(self._library, operation.kernel), ctypes.c_void_p),
            bounds=operation.bounds.ctypes.data,
            segments=len(operation.bounds) - 1,
            grain=operation.grain,
            parts=operation.parts,
        )
        for index, array in enumerate(operation.arrays):
            structure.p[index] = None if array is None else array.ctypes.data
        structure.n[: len(operation.sizes)] = operation.sizes
        structure.f[: len(operation.settings)] = operation.settings
        return structure


@cache
def _library() -> ctypes.CDLL:
    """The compiled kernels, set up to call NumPy's BLAS. Raises UnavailableError."""
    found = find_spec("mlptrain.backend._kernels")
    if found is None or found.origin is None:
        raise UnavailableError(
            "they were not built; that takes a C compiler when mlptrain is installed"
        )
    try:
        library = ctypes.CDLL(found.origin)
    except OSError as error:
        raise UnavailableError(f"they cannot be loaded: {error}") from None
    library.layout.restype = ctypes.c_int64
    if library.layout() != LAYOUT:
        raise UnavailableError("they were built from another version; install mlptrain again")
    for use, address, bits in _gemms(library):
        use.argtypes = (ctypes.c_void_p, ctypes.c_int64)
        use(address, bits)
    library.start_threads.argtypes = (ctypes.c_int64,)
    library.start_threads.restype = ctypes.c_int64
    library.run_program.argtypes = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)
    library.run_program.restype = None
    library.use_tiles.argtypes = (ctypes.c_int64, ctypes.c_int64)
    library.use_tiles.restype = ctypes.c_int64
    library.skip_zeros.argtypes = (ctypes.c_double, ctypes.c_int64)
    library.skip_zeros.restype = ctypes.c_int64
    library.multiplies_bfloat16.restype = ctypes.c_int64
    library.use_amx.argtypes = (ctypes.c_int64,)
    library.use_amx.restype = ctypes.c_int64
    use_fastest_products(library)
    return library


def use_fastest_products(library: ctypes.CDLL) -> None:
    """Let products skip zeros and use tiles or AMX where that is faster, if the processor can."""
    library.use_amx(True)
    library.use_tiles(True, 0)
    library.skip_zeros(DENSEST, WIDEST)


def _gemms(library: ctypes.CDLL) -> Iterator[tuple[Any, int | None, int]]:
    """For float32 and float64, the function of `library` that takes the BLAS's matrix product, the
    address of that in NumPy's BLAS, and the bits of its size arguments: 32 or 64."""
    found = numpy_blas()
    blas = ctypes.CDLL(found["filepath"] if found else None)
    for gemm, use in (("sgemm", library.use_gemm_float32), ("dgemm", library.use_gemm_float64)):
        names = [each.format(gemm) for each in GEMM_NAMES if hasattr(blas, each.format(gemm))]
        if not names:
            raise UnavailableError(f"NumPy's BLAS offers no cblas_{gemm}")
        address = ctypes.cast(getattr(blas, names[0]), ctypes.c_void_p).value
        yield use, address, 64 if "64" in names[0] else 32
