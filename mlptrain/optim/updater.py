"""An update rule bound to an arena, as a plan is a tape bound to its buffers."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array, Call
from mlptrain.backend.kernels import kernel
from mlptrain.optim.optimizers import MiniBatchOptimizer


class Updater:
    """Applies `optimizer` to the parameters of `arena`, chunk by chunk.

    Args:
        penalized: whether the loss gets a penalty on the weights, penalty ‖w‖² / 2.

    Attributes:
        state: the optimizer's vectors by name, each (n,) like the parameters.
        coefficients: (c,) the numbers of the current step; `calls` read them.
    """

    def __init__(
        self, optimizer: MiniBatchOptimizer, arena: Arena, *, penalized: bool = False
    ) -> None:
        values, backend = arena.values, arena.backend
        self.state = {name: arena.vector() for name in optimizer.state()}
        self._optimizer = optimizer
        self._arena = arena
        self._penalized = penalized
        self.coefficients = backend.empty((len(self.row(1.0, 1)),), values.dtype)

    def row(self, rate: float, step: int, penalty: float = 0.0) -> tuple[float, ...]:
        """The coefficients of `step` = 1, 2, … with learning rate `rate`: the penalty, those of
        weight decay, then the optimizer's own."""
        share, factor = self._optimizer.pull(rate)
        return penalty, share + penalty, factor, *self._optimizer.coefficients(rate, step)

    def penalty_calls(self, loss: Array) -> Iterator[Call]:
        """What adds the penalty to loss (), before the update. `calls` adds its gradient."""
        arena = self._arena
        if self._penalized:
            w, share = arena.values[: arena.decayed], self.coefficients[:1]
            bounds = arena.bounds[arena.bounds <= arena.decayed]
            yield Call(add_penalty, loss, {"w": w, "share": share, "bounds": bounds})

    def calls(self) -> Iterator[Call]:
        """One update, from the gradients in the arena."""
        optimizer, arena = self._optimizer, self._arena
        size, longest = arena.trained, arena.backend.chunk
        pull, coefficients = self.coefficients[1:3], self.coefficients[3:]
        scratch = arena.backend.empty((min(longest, size),), arena.values.dtype)
        decayed = arena.decayed if optimizer.weight_decay or self._penalized else 0
        for chunk in _chunks(size, decayed, longest):
            w = arena.values[chunk]
            bounds = arena.bounds.clip(chunk.start, chunk.stop) - chunk.start
            arrays = {
                "g": arena.gradients[chunk],
                "part": scratch[: w.size],
                "bounds": bounds[np.diff(bounds, prepend=-1) != 0],  # each once
            }
            if chunk.stop <= decayed:
                yield Call(optimizer.decay, w, {**arrays, "coefficients": pull})
            state = {name: vector[chunk] for name, vector in self.state.items()}
            yield Call(optimizer.update, w, {**arrays, **state, "coefficients": coefficients})


@kernel("add_penalty")
def add_penalty(xp: Any, out: Array, w: Array, share: Array) -> None:
    """out ← out + share ‖w‖² / 2; out (), share (1,)."""
    xp.add(out, share[0] / 2 * xp.dot(w, w), out=out)


def _chunks(size: int, decayed: int, longest: int) -> Iterator[slice]:
    """Slices of at most `longest` that cover `size`, none spanning the end of the decayed part."""
    for start, stop in ((0, decayed), (decayed, size)):
        for first in range(start, stop, longest):
            yield slice(first, min(first + longest, stop))
