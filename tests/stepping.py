"""Parts of a training step, run one at a time."""

from mlptrain.autodiff.arena import Arena
from mlptrain.optim.clipping import clip_calls
from mlptrain.optim.optimizers import MiniBatchOptimizer
from mlptrain.optim.updater import Updater


class Updates(Updater):
    """An updater, and how many updates it made."""

    def __init__(self, optimizer: MiniBatchOptimizer, arena: Arena) -> None:
        super().__init__(optimizer, arena)
        self.step = 0
        self._backend = arena.backend
        self._run = arena.backend.bind(self.calls())

    def update(self, rate: float) -> None:
        """One update with learning rate `rate`, from the gradients now in the arena."""
        self.step += 1
        self.coefficients[...] = self.row(rate, self.step)
        with self._backend.quiet():
            self._run()


def clip(arena: Arena, limit: float) -> None:
    """Clip the gradients in the arena to norm `limit`."""
    with arena.backend.quiet():
        arena.backend.bind(clip_calls(arena, limit))()
