"""The length of the gradient, and its limit."""

import math
from typing import Any

from mlptrain.backend.numpy import Array


def norm(xp: Any, g: Array) -> float:
    """‖g‖₂ of a flat vector; NaN or Inf exactly if an entry is."""
    with xp.errstate(over="ignore", invalid="ignore"):
        squared = float(xp.dot(g, g))
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
