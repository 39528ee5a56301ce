"""Random numbers: one seeded stream per purpose, so that one use never shifts another."""

from typing import Any

import numpy as np

INITIALIZATION, SHUFFLING, DROPOUT, SPLITTING = range(4)


def stream(seed: int, purpose: int, *index: int) -> np.random.Generator:
    """The generator for `purpose`; with an `index` (an epoch), one of a series of streams."""
    return np.random.Generator(np.random.PCG64([seed, purpose, *index]))


def state(generator: np.random.Generator) -> dict[str, int]:
    """The generator's whole state, as integers of up to 128 bits."""
    state: dict[str, Any] = dict(generator.bit_generator.state)
    return {**state["state"], "has_uint32": state["has_uint32"], "uinteger": state["uinteger"]}


def restore(generator: np.random.Generator, saved: dict[str, int]) -> None:
    """Put a state from `state` back. Raises KeyError, TypeError or ValueError if it is none."""
    generator.bit_generator.state = {
        "bit_generator": "PCG64",
        "state": {"state": saved["state"], "inc": saved["inc"]},
        "has_uint32": saved["has_uint32"],
        "uinteger": saved["uinteger"],
    }
