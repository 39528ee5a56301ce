"""The gradient checker finds what it is there to find: each wrong rule here is caught."""

from typing import Any, Literal

import numpy as np
import pytest

from mlptrain.autodiff.function import Function, Scratch, Shape
from mlptrain.autodiff.gradcheck import gradient_error, one_sided_differences
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Array


class Square(Function):
    """y = x², with right rules."""

    type: Literal["square"] = "square"

    def scratch(self, *shapes: Shape) -> dict[str, Scratch]:
        return {"part": Scratch(shapes[0])}

    def forward(self, xp: Any, out: Array, x: Array, *, part: Array) -> None:
        xp.multiply(x, x, out=out)
        xp.multiply(x, 2, out=part)

    def gradient_x(self, xp: Any, out: Array, g: Array, part: Array) -> None:
        xp.multiply(g, part, out=out)


class Off(Square):
    def gradient_x(self, xp: Any, out: Array, g: Array, part: Array) -> None:
        xp.multiply(g, part, out=out)
        xp.multiply(out, 1.001, out=out)


class OffInOneEntry(Square):
    def gradient_x(self, xp: Any, out: Array, g: Array, part: Array) -> None:
        xp.multiply(g, part, out=out)
        out[-1, -1] *= 1.001


class ReadsOut(Square):
    def gradient_x(self, xp: Any, out: Array, g: Array, part: Array) -> None:
        xp.multiply(out, 0, out=out)
        xp.multiply(g, part, out=part)
        xp.add(out, part, out=out)


class Accumulates(Square):
    def gradient_x(self, xp: Any, out: Array, g: Array, part: Array) -> None:
        xp.multiply(g, part, out=part)
        xp.add(out, part, out=out)


class LeavesAnEntry(Square):
    def gradient_x(self, xp: Any, out: Array, g: Array, part: Array) -> None:
        xp.multiply(g[1:], part[1:], out=out[1:])


class ForwardReadsOut(Square):
    def forward(self, xp: Any, out: Array, x: Array, *, part: Array) -> None:
        xp.add(out, x, out=out)
        xp.multiply(x, 2, out=part)


class ForwardReadsScratch(Square):
    def forward(self, xp: Any, out: Array, x: Array, *, part: Array) -> None:
        xp.multiply(x, x, out=out)
        xp.add(part, x, out=part)


class IgnoresTheGradientAbove(Square):
    def gradient_x(self, xp: Any, out: Array, g: Array, part: Array) -> None:
        out[...] = part


class HasNoRule(Function):
    type: Literal["no_rule"] = "no_rule"

    def forward(self, xp: Any, out: Array, x: Array) -> None:
        xp.multiply(x, x, out=out)


def error(function: Function) -> float:
    x = np.random.default_rng(0).uniform(0.5, 2.0, (3, 4))

    def program(x: Tensor) -> Tensor:
        return function(x)

    return gradient_error(program, {"x": x}, {})


def test_right_rules_pass() -> None:
    assert error(Square()) < 1e-8


@pytest.mark.parametrize("wrong", [Off, OffInOneEntry, IgnoresTheGradientAbove])
def test_a_wrong_factor_is_seen(wrong: type[Square]) -> None:
    assert error(wrong()) > 1e-4


@pytest.mark.parametrize(
    "wrong",
    [ReadsOut, Accumulates, LeavesAnEntry, ForwardReadsOut, ForwardReadsScratch, HasNoRule],
)
def test_a_rule_that_uses_or_leaves_rubbish_is_seen(wrong: type[Function]) -> None:
    assert np.isnan(error(wrong()))


def test_a_constant_output_has_the_gradient_zero() -> None:
    class Zero(Square):
        def forward(self, xp: Any, out: Array, x: Array, *, part: Array) -> None:
            xp.multiply(x, 0, out=out)
            xp.multiply(x, 0, out=part)

    assert error(Zero()) == 0


def test_slopes_differ_at_a_kink_and_nowhere_else():
    x = np.array([0.0, 2.0, -3.0])
    left, right = one_sided_differences(x, lambda: float(np.abs(x).sum()), np.array([0, 2]))
    np.testing.assert_allclose(left, [-1, -1], rtol=1e-6)
    np.testing.assert_allclose(right, [1, -1], rtol=1e-6)
    assert x.tolist() == [0, 2, -3]
