"""Denormal numbers, below 1.2e-38 in float32, as 0 while rules compute.

The mean of a gradient that has stopped coming falls among them and stays there, and some processors
need a hundred times as long for each as for any other number. A thread can have them count as 0
(Intel's manual, volume 1, 10.2.3: MXCSR); the standard library of C says how (fenv.h).
"""

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_FLUSH_TO_ZERO, _ARE_ZERO = 1 << 15, 1 << 6
_MXCSR = 7  # the last of the eight words of a fenv_t

_Environment = ctypes.c_uint32 * 8


@contextmanager
def denormals_are_zero() -> Iterator[None]:
    """While it lasts, they are, in this thread. Only on Linux and x86-64; elsewhere nothing
    changes."""
    before = _Environment()
    if _fegetenv(before) != 0:
        yield
        return
    within = _Environment(*before)
    within[_MXCSR] |= _FLUSH_TO_ZERO | _ARE_ZERO
    _fesetenv(within)
    try:
        yield
    finally:
        _fesetenv(before)


def _nothing(_: object) -> int:
    """Like the functions of fenv.h where they fail."""
    return 1


_fegetenv = _fesetenv = _nothing
if sys.platform == "linux" and platform.machine() == "x86_64":
    _process = ctypes.PyDLL(None)
    _fegetenv = getattr(_process, "fegetenv", _nothing)
    _fesetenv = getattr(_process, "fesetenv", _nothing)
