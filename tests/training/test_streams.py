"""Streams of random numbers: separate and seeded."""

import numpy as np

from mlptrain.training.streams import (
    DROPOUT,
    INITIALIZATION,
    SHUFFLING,
    TEST_SPLIT,
    VALIDATION_SPLIT,
    stream,
)

PURPOSES = (INITIALIZATION, SHUFFLING, DROPOUT, VALIDATION_SPLIT, TEST_SPLIT)


def test_the_same_seed_gives_the_same_numbers() -> None:
    for purpose in PURPOSES:
        first, second = (stream(3, purpose, 7).random(100) for _ in range(2))
        np.testing.assert_array_equal(first, second)


def test_other_seeds_purposes_and_epochs_give_other_numbers() -> None:
    """Also where seed, purpose and epoch are the same numbers in another order or with zeros."""
    keys = [
        (seed, purpose, *epoch)
        for seed in (0, 1, 2, 3, 2**63 - 1)
        for purpose in PURPOSES
        for epoch in ((), (1,), (2,), (3,))
    ]
    first = {stream(*key).integers(2**63) for key in keys}
    assert len(first) == len(keys)


def test_a_use_does_not_shift_another() -> None:
    dropout = stream(0, DROPOUT)
    before = stream(0, SHUFFLING, 5).permutation(50)
    dropout.random(1000)
    np.testing.assert_array_equal(stream(0, SHUFFLING, 5).permutation(50), before)
