"""Random numbers: one seeded stream per purpose, so that draws for one never shift another's."""

import numpy as np

INITIALIZATION, SHUFFLING, DROPOUT, VALIDATION_SPLIT, TEST_SPLIT = range(5)


def stream(seed: int, purpose: int, *index: int) -> "np.random.Generator":
    """The generator for `purpose`; with `index`, such as an epoch, one of a series of streams."""
    return np.random.Generator(np.random.PCG64([seed, purpose, *index]))
