"""Random numbers: one seeded stream per purpose, so that one use never shifts another."""

import numpy as np

INITIALIZATION, SHUFFLING, DROPOUT, SPLITTING = range(4)


def stream(seed: int, purpose: int, *index: int) -> np.random.Generator:
    """The generator for `purpose`; with an `index` (an epoch), one of a series of streams."""
    return np.random.Generator(np.random.PCG64([seed, purpose, *index]))
