"""An update rule bound to an arena, as a plan is a tape bound to its buffers."""

from collections.abc import Iterator

import numpy as np

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.call import Array, Call
from mlptrain.optim.optimizers import Optimizer


class Updater:
    """Applies `optimizer` to the parameters of `arena`, chunk by chunk.

    Attributes:
        state: the optimizer's vectors by name, each (n,) like the parameters.
        step: how many updates were made.
    """

    def __init__(self, optimizer: Optimizer, arena: Arena) -> None:
        values, backend = arena.values, arena.backend
        self.step = 0
        self.state: dict[str, Array] = {}
        for name in optimizer.state():
            self.state[name] = backend.empty(values.shape, values.dtype)
            self.state[name][...] = 0
        self._optimizer = optimizer
        self._pull = backend.empty((2,), values.dtype)
        numbers = len(optimizer.coefficients(1.0, 1))
        self._coefficients = backend.empty((numbers,), values.dtype)
        self._run = backend.bind(self._calls(arena))

    def update(self, rate: float) -> None:
        """One step with learning rate `rate`, from the gradients now in the arena."""
        self.step += 1
        if self._optimizer.weight_decay:
            self._pull[...] = self._optimizer.pull(rate)
        self._coefficients[...] = self._optimizer.coefficients(rate, self.step)
        self._run()

    def _calls(self, arena: Arena) -> Iterator[Call]:
        optimizer, size, longest = self._optimizer, arena.values.size, arena.backend.chunk
        scratch = arena.backend.empty((min(longest, size),), arena.values.dtype)
        decayed = arena.decayed if optimizer.weight_decay else 0
        for chunk in _chunks(size, decayed, longest):
            w = arena.values[chunk]
            arrays = {
                "g": arena.gradients[chunk],
                "part": scratch[: w.size],
                "bounds": np.unique(arena.bounds.clip(chunk.start, chunk.stop)) - chunk.start,
            }
            if chunk.stop <= decayed:
                yield Call(optimizer.decay, w, {**arrays, "coefficients": self._pull})
            state = {name: vector[chunk] for name, vector in self.state.items()}
            yield Call(optimizer.update, w, {**arrays, **state, "coefficients": self._coefficients})


def _chunks(size: int, decayed: int, longest: int) -> Iterator[slice]:
    """Slices of at most `longest` that cover `size`, none across the end of the decayed."""
    for start, stop in ((0, decayed), (decayed, size)):
        for first in range(start, stop, longest):
            yield slice(first, min(first + longest, stop))
