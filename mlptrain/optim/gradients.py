"""The length of the gradient, and its limit."""

import math
from typing import Any

from mlptrain.backend.numpy import Array

PART = 65_536


def norm(xp: Any, g: Array) -> float:
    """‖g‖₂ of a flat vector; NaN or Inf exactly if an entry is."""
    with xp.errstate(over="ignore", invalid="ignore"):
        # in parts, added up in float64: one float32 sum over 10⁸ entries is off by a hundredth
        parts = (g[first : first + PART] for first in range(0, g.size, PART))
        squared = sum(float(xp.dot(part, part)) for part in parts)
    if math.isfinite(squared):
        return math.sqrt(squared)
    largest = float(xp.max(xp.abs(g)))  # the squares overflowed, or an entry is not finite
    if not math.isfinite(largest):
        return largest
    scaled = g / largest
    return largest * math.sqrt(float(xp.dot(scaled, scaled)))


def clip(xp: Any, g: Array, length: float, limit: float) -> None:
    """Shorten g, of norm `length`, to norm `limit` if it is longer (Pascanu et al., 2013)."""
    if length > limit:
        xp.multiply(g, limit / length, out=g)
