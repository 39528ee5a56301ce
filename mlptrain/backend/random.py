"""Counter-based random numbers: there is no generator state to save.

Philox4x64-10 (Salmon et al., 2011) turns a key and a counter into random bits. The key is the run's
seed and the purpose of the numbers; the counter is the step, the index of the function that draws,
and the index of the number in its array. So a step draws the same numbers whenever it is repeated,
and on any backend.
"""

from typing import Self

import numpy as np

from mlptrain.backend.call import Array


class Random:
    """Random numbers for one function of a program.

    Attributes:
        seed, purpose: the key, each in [0, 2^63).
        step: (1,) int64, a counter that holds the current step.
        number: the index of this function among the program's stochastic functions.
    """

    def __init__(self, seed: int, purpose: int, step: Array, number: int = 0) -> None:
        self.seed = seed
        self.purpose = purpose
        self.step = step
        self.number = number
        self._philox = np.random.Philox(key=np.array([seed, purpose], np.uint64))
        self._generator = np.random.Generator(self._philox)
        self._fresh = self._philox.state

    def numbered(self, number: int) -> Self:
        """The random numbers of function `number`, with the same key and step."""
        return type(self)(self.seed, self.purpose, self.step, number)

    def uniform(self, out: Array) -> None:
        """Fill `out`, float32 or float64, with numbers in [0, 1)."""
        self._fresh["state"]["counter"][:] = 0, self.number, self.step[0], 0
        self._philox.state = self._fresh
        self._generator.random(out=out, dtype=out.dtype)
