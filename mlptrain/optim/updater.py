"""An update rule bound to an arena, as a plan is a tape bound to its buffers."""

from collections.abc import Callable, Iterator
from functools import partial

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.numpy import Array
from mlptrain.optim.optimizers import Optimizer

CHUNK = 65_536  # elements; four float32 chunks fill 1 MiB, a second-level cache


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
        self._backend = backend
        self._rules: list[Callable[..., None]] = []
        scratch = backend.empty((min(CHUNK, values.size),), values.dtype)
        for chunk in _chunks(values.size, arena.decayed):
            w, g = values[chunk], arena.gradients[chunk]
            part = scratch[: w.size]
            if optimizer.weight_decay and chunk.stop <= arena.decayed:
                self._rules.append(partial(optimizer.decay, backend.xp, w, g, part))
            state = {name: vector[chunk] for name, vector in self.state.items()}
            self._rules.append(partial(optimizer.update, backend.xp, w, g, part, **state))

    def update(self, rate: float) -> None:
        """One step with learning rate `rate`, from the gradients now in the arena."""
        self.step += 1
        with self._backend.quiet():
            for rule in self._rules:
                rule(rate=rate, step=self.step)


def _chunks(size: int, decayed: int) -> Iterator[slice]:
    """Slices of at most CHUNK elements that cover `size`, none across the end of the decayed."""
    for start, stop in ((0, decayed), (decayed, size)):
        for first in range(start, stop, CHUNK):
            yield slice(first, min(first + CHUNK, stop))
