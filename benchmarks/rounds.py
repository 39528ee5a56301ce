"""Interleaved measurements, so that other load on the machine affects all of them."""

import random
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def in_turn(turns: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """The results of each of `turns`, one per round. Every round calls all of them once, in a new
    random order."""
    results: dict[str, list[T]] = {name: [] for name in turns}
    for number in range(rounds):
        order = list(turns)
        random.Random(number).shuffle(order)
        for name in order:
            results[name].append(turns[name]())
    return results
