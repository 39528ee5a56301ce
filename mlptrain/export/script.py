"""A network as the statements of a program, one or more per step."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from mlptrain.export.network import (
    Activate,
    Dense,
    Dropout,
    Floats,
    Network,
    Reshape,
    Residual,
    Scale,
    Step,
)


class Phrases(NamedTuple):
    """How a language says the steps on its value x.

    Attributes:
        scale, dense: with {0} and {1} for the numbers of their two arrays.
        reshape: gets the shape; empty: says nothing.
        activate: gets the step.
        keep, add: with {0} for the number of a kept value.
    """

    scale: str
    dense: str
    reshape: Callable[[tuple[int, ...]], str]
    activate: Callable[[Activate], str]
    keep: str
    add: str


def statements(network: Network, phrases: Phrases) -> tuple[list[str], list[Floats]]:
    """The lines that turn inputs x into predictions x, and the arrays that they refer to."""
    lines: list[str] = []
    arrays: list[Floats] = []
    kept = 0

    def numbered(phrase: str, first: Floats, second: Floats) -> None:
        arrays.extend((first, second))
        lines.append(phrase.format(len(arrays) - 2, len(arrays) - 1))

    def say(steps: Sequence[Step]) -> None:
        nonlocal kept
        for step in steps:
            match step:
                case Scale():
                    numbered(phrases.scale, step.scale, step.offset)
                case Dense():
                    numbered(phrases.dense, step.kernel, step.bias)
                case Reshape():
                    lines.append(phrases.reshape(step.shape))
                case Activate():
                    lines.append(phrases.activate(step))
                case Residual():
                    kept += 1
                    number = kept
                    lines.append(phrases.keep.format(number))
                    say(step.steps)
                    lines.append(phrases.add.format(number))
                case Dropout():
                    pass

    say(network.steps)
    return [line for line in lines if line], arrays
