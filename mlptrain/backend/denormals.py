"""Treat denormals (in float32, numbers below 1.2e-38) as 0 while rules compute.

Adam's moments decay into this range once a gradient is 0 and stay there, and on some processors
each denormal costs a hundred times as much as a normal number. The register MXCSR makes a thread
treat them as 0 (Intel's manual, volume 1, 10.2.3); the C library's fenv.h sets it.
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
    """A context in which this thread treats denormals as 0. Only on Linux and x86-64; elsewhere it
    does nothing."""
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
    """Stands in for a missing function of fenv.h: reports failure."""
    return 1


_fegetenv = _fesetenv = _nothing
if sys.platform == "linux" and platform.machine() == "x86_64":
    _process = ctypes.PyDLL(None)
    _fegetenv = getattr(_process, "fegetenv", _nothing)
    _fesetenv = getattr(_process, "fesetenv", _nothing)
