"""Recording a program: what a tensor is allowed to be, what a tape refuses."""

import numpy as np
import pytest

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.tape import Tape
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.activations import Softmax, Tanh
from mlptrain.functions.elementwise import Add
from mlptrain.functions.linear import Linear
from mlptrain.functions.losses import CountCorrect, CrossEntropy

SHAPES = {"w": (4, 3), "b": (3,)}


def tape(*, training: bool = True) -> Tape:
    return Tape(Arena(SHAPES, np.float32, NumpyBackend()), training=training)


def test_a_tensor_cannot_be_branched_on() -> None:
    x = tape().input((2, 4))
    with pytest.raises(TypeError, match="cannot be branched on"):
        bool(x)
    with pytest.raises(TypeError, match="cannot be branched on"):
        assert x


def test_tapes_cannot_be_mixed() -> None:
    here, there = tape(), tape()
    a, b = here.input((2, 3)), there.input((2, 3))
    for xs in ((a, b), (b, a)):
        with pytest.raises(ValueError, match="recorded on another tape"):
            Add()(*xs)
    assert here.steps == there.steps == []


def test_steps_are_kept_in_the_order_of_recording() -> None:
    program = tape()
    x = program.input((2, 4))
    h = Linear()(x, program.parameter("w"), program.parameter("b"))
    y = Add()(Tanh()(h), h)
    assert [type(step.function) for step in program.steps] == [Linear, Tanh, Add]
    assert program.steps[0].y is h
    assert program.steps[-1].y is y


def test_shapes_and_types_follow_the_inputs() -> None:
    program = tape()
    x, labels = program.input((2, 4)), program.input((2,), np.int64)
    weights = program.input((2,))
    h = Linear()(x, program.parameter("w"), program.parameter("b"))
    assert h.shape == (2, 3)
    assert Softmax()(h).shape == (2, 3)
    assert CrossEntropy()(h, labels, weights).shape == ()
    assert labels.dtype == np.int64
    assert CountCorrect()(h, labels).dtype == x.dtype == np.float32


def test_a_parameter_is_the_same_tensor_each_time() -> None:
    program = tape()
    assert program.parameter("w") is program.parameter("w")
    assert program.parameter("w") is not program.parameter("b")


def test_what_wants_a_gradient() -> None:
    program = tape()
    x, labels = program.input((2, 4)), program.input((2,), np.int64)
    h = Linear()(x, program.parameter("w"), program.parameter("b"))
    assert h.wants_gradient
    assert not x.wants_gradient
    assert not Tanh()(x).wants_gradient  # depends on no parameter
    assert not CountCorrect()(h, labels).wants_gradient  # is differentiable in nothing


def test_in_evaluation_nothing_wants_a_gradient() -> None:
    program = tape(training=False)
    h = Linear()(program.input((2, 4)), program.parameter("w"), program.parameter("b"))
    assert not h.wants_gradient
    assert not program.parameter("w").wants_gradient


def test_too_many_or_too_few_inputs_are_refused() -> None:
    program = tape()
    x = program.input((2, 4))
    with pytest.raises(ValueError, match=r"zip\(\)"):
        Tanh()(x, x)
    with pytest.raises(ValueError, match=r"zip\(\)"):
        Add()(x)
