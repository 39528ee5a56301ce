"""The length of the gradient, and its limit."""

import math
from typing import Any

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array, Call

PART = 65_536  # entries at most: one float32 sum over 10⁸ would be off by a hundredth


class GradientNorm:
    """‖g‖₂ of the gradients in `arena`."""

    def __init__(self, arena: Arena) -> None:
        backend = arena.backend
        self._g, self._xp = arena.gradients, backend.xp
        self._sums = backend.empty((-(-self._g.size // PART),), self._g.dtype)
        arrays = {"g": self._g, "bounds": arena.bounds}
        self._square = backend.bind([Call(square_sums, self._sums, arrays)])

    def measure(self) -> float:
        """The norm of the gradients as they are now; NaN or Inf exactly if an entry is."""
        self._square()
        squared = sum(self._sums.tolist())
        return math.sqrt(squared) if math.isfinite(squared) else self._large()

    def clip(self, limit: float) -> None:
        """Shorten the gradients to norm `limit` if they are longer (Pascanu et al., 2013), unless
        that norm is NaN or Inf."""
        length = self.measure()
        if limit < length < math.inf:
            self._xp.multiply(self._g, limit / length, out=self._g)

    def _large(self) -> float:
        """The norm where squares overflowed or an entry is not finite."""
        xp, largest = self._xp, float(self._xp.max(self._xp.abs(self._g)))
        if not math.isfinite(largest):
            return largest
        scaled = self._g / largest
        return largest * math.sqrt(float(xp.dot(scaled, scaled)))


def square_sums(xp: Any, out: Array, g: Array) -> None:
    """outᵢ = the sum of squares of the i-th of as many equal parts of g, the last one shorter."""
    size = -(-g.size // out.size)
    for index in range(out.size):
        part = g[index * size : (index + 1) * size]
        out[index] = xp.dot(part, part)
