"""Sums and products of two arrays of one shape."""

from typing import Any, Literal

from mlptrain.autodiff.function import Function, functions
from mlptrain.backend.call import Array


@functions.register
class Add(Function):
    """y = a + b."""

    type: Literal["add"] = "add"

    def forward(self, xp: Any, out: Array, a: Array, b: Array) -> None:
        xp.add(a, b, out=out)

    def gradient_a(self, xp: Any, out: Array, g: Array) -> None:
        """g"""
        out[...] = g

    def gradient_b(self, xp: Any, out: Array, g: Array) -> None:
        """g"""
        out[...] = g


@functions.register
class Multiply(Function):
    """y = a b, entry by entry."""

    type: Literal["multiply"] = "multiply"

    def forward(self, xp: Any, out: Array, a: Array, b: Array) -> None:
        xp.multiply(a, b, out=out)

    def gradient_a(self, xp: Any, out: Array, g: Array, b: Array) -> None:
        """g b"""
        xp.multiply(g, b, out=out)

    def gradient_b(self, xp: Any, out: Array, g: Array, a: Array) -> None:
        """g a"""
        xp.multiply(g, a, out=out)
