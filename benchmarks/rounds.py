"""Measurements that alternate, so that what the machine does meanwhile meets all of them."""

import random
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def in_turn(turns: Mapping[str, Callable[[], T]], rounds: int) -> dict[str, list[T]]:
    """What each of `turns` returned in each round. In every round all take their turn, in an order
    drawn anew."""
    results: dict[str, list[T]] = {name: [] for name in turns}
    for number in range(rounds):
        order = list(turns)
        random.Random(number).shuffle(order)
        for name in order:
            results[name].append(turns[name]())
    return results
