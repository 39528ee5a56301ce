"""Gradient clipping: gradients are scaled down to a maximum norm (Pascanu et al., 2013)."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel

PART = 65_536  # entries at most: one float32 sum over 10⁸ would be off by a hundredth


def clip_calls(arena: Arena, limit: float) -> Iterator[Call]:
    """g ← g min(1, limit / ‖g‖₂) for the gradients g in `arena`; g is unchanged if its norm is NaN
    or Inf."""
    g = arena.gradients
    scratch = arena.backend.empty((min(PART, g.size),), np.float64)
    factor = arena.backend.empty((1,), g.dtype)
    bounds = {"bounds": arena.bounds}
    yield Call(clip_factor, factor, {"g": g, "limit": limit, "scratch": scratch, **bounds})
    yield Call(scale, g, {"factor": factor, **bounds})


@kernel("clip_factor")
def clip_factor(xp: Any, out: Array, g: Array, limit: float, scratch: Array) -> None:
    """min(1, limit / ‖g‖₂), or 1 if the norm is NaN or Inf. Squares are summed in float64, where
    squares of float32 numbers cannot overflow."""
    out[...] = 0.0
    total = 0.0
    for first in range(0, g.size, PART):
        part = g[first : first + PART]
        wide = scratch[: part.size]
        xp.copyto(wide, part)
        total = total + xp.dot(wide, wide)
    length = xp.sqrt(total)
    out[...] = xp.where((length > limit) & (length < math.inf), limit / length, 1.0)


@kernel("scale")
def scale(xp: Any, out: Array, factor: Array) -> None:
    """out ← factor · out."""
    xp.multiply(out, factor, out=out)
