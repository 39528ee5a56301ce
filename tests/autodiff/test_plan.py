"""A plan's buffers and runs: what is allocated, what is computed, what is left alone."""

from functools import wraps
from typing import Any

import numpy as np
import pytest

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.plan import Plan
from mlptrain.autodiff.tape import Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.call import Array
from mlptrain.backend.memory import ALIGNMENT_BYTES
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.activations import ReLU, Tanh
from mlptrain.functions.elementwise import Add, Multiply
from mlptrain.functions.linear import Linear

SHAPES = {"w1": (4, 3), "b1": (3,), "w2": (3, 2), "b2": (2,), "unused": (5,)}


@pytest.fixture
def arena() -> Arena:
    arena = Arena(SHAPES, np.float64, NumpyBackend())
    arena.values[...] = np.random.default_rng(0).normal(size=arena.values.size)
    return arena


def network(tape: Tape, batch: int) -> tuple[Tensor, Tensor]:
    """x and y = tanh(x w1 + b1) w2 + b2."""
    x = tape.input((batch, 4))
    h = Tanh()(Linear()(x, tape.parameter("w1"), tape.parameter("b1")))
    return x, Linear()(h, tape.parameter("w2"), tape.parameter("b2"))


def test_a_plan_computes_the_network(arena: Arena) -> None:
    x, y = network(tape := Tape(arena, training=True), 6)
    plan = Plan(tape, y)
    x.value[...] = np.random.default_rng(1).normal(size=(6, 4))
    plan.forward()
    h = np.tanh(x.value @ arena.value("w1") + arena.value("b1"))
    np.testing.assert_allclose(y.value, h @ arena.value("w2") + arena.value("b2"), rtol=1e-14)
    g = np.random.default_rng(2).normal(size=(6, 2))
    plan.backward(g)
    inner = (g @ arena.value("w2").T) * (1 - h * h)
    np.testing.assert_allclose(arena.gradient("w2"), h.T @ g, rtol=1e-13)
    np.testing.assert_allclose(arena.gradient("b2"), g.sum(axis=0), rtol=1e-13)
    np.testing.assert_allclose(arena.gradient("w1"), x.value.T @ inner, rtol=1e-12)
    np.testing.assert_allclose(arena.gradient("b1"), inner.sum(axis=0), rtol=1e-12)


def test_a_second_run_overwrites_the_first(arena: Arena) -> None:
    x, y = network(tape := Tape(arena, training=True), 6)
    plan = Plan(tape, y)
    x.value[...] = 1
    for _ in range(2):
        plan.forward()
        plan.backward()
        first = y.value.copy(), arena.gradients.copy()
    x.value[...] = 2
    plan.forward()
    plan.backward()
    assert not np.array_equal(y.value, first[0])
    x.value[...] = 1
    plan.forward()
    plan.backward()
    np.testing.assert_array_equal(y.value, first[0])
    np.testing.assert_array_equal(arena.gradients, first[1])


def test_a_parameter_that_is_not_reached_keeps_the_gradient_zero(arena: Arena) -> None:
    tape = Tape(arena, training=True)
    x, y = network(tape, 3)
    Tanh()(tape.parameter("unused"))  # recorded, but not part of y
    plan = Plan(tape, y)
    x.value[...] = 1
    for _ in range(3):
        plan.forward()
        plan.backward()
    assert not arena.gradient("unused").any()
    assert arena.gradient("w1").all()


def test_what_is_recorded_after_the_output_is_evaluated_but_not_differentiated(
    arena: Arena,
) -> None:
    x, y = network(tape := Tape(arena, training=True), 3)
    late = Tanh()(y)
    plan = Plan(tape, y)
    x.value[...] = 1
    plan.forward()
    plan.backward()
    np.testing.assert_array_equal(late.value, np.tanh(y.value))
    assert not hasattr(late, "gradient")
    assert (arena.gradient("b2") == 3).all()  # from y alone


def test_the_gradient_of_an_input_is_neither_allocated_nor_computed(
    arena: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    original = Linear.gradient_x

    @wraps(original)
    def counted(self: Linear, xp: Any, out: Array, g: Array, w: Array) -> None:
        calls.append(w.shape)
        original(self, xp, out, g, w)

    monkeypatch.setattr(Linear, "gradient_x", counted)
    x, y = network(tape := Tape(arena, training=True), 7)
    plan = Plan(tape, y)
    x.value[...] = 1
    plan.forward()
    plan.backward()
    assert not hasattr(x, "gradient")
    assert [b.shape for b in plan.buffers].count((7, 4)) == 1  # x itself
    assert calls == [(3, 2)]  # of the second layer, not of the first


def test_a_plan_without_output_has_no_gradient_buffers(arena: Arena) -> None:
    tape = Tape(arena, training=False)
    x, y = network(tape, 6)
    plan = Plan(tape)
    assert sorted(b.shape for b in plan.buffers) == [(6, 2), (6, 3), (6, 3), (6, 4)]
    assert not any(hasattr(t, "gradient") for t in (x, y, *(step.y for step in tape.steps)))
    arena.gradients[...] = 7
    x.value[...] = 1
    plan.forward()
    assert (arena.gradients == 7).all()
    with pytest.raises(AssertionError, match="without an output"):
        plan.backward()


def test_plans_of_several_batch_sizes_share_one_arena(arena: Arena) -> None:
    rows = np.random.default_rng(1).normal(size=(8, 4))
    results = []
    for batch in (8, 3, 1):
        x, y = network(tape := Tape(arena, training=True), batch)
        plan = Plan(tape, y)
        assert np.shares_memory(tape.parameter("w1").value, arena.values)
        assert np.shares_memory(tape.parameter("w1").gradient, arena.gradients)
        assert not any(np.shares_memory(buffer, arena.values) for buffer in plan.buffers)
        results.append((x, y, plan))
    for factor in (1.0, 0.5):  # all of them see a change of the parameters
        arena.values[...] *= factor
        for x, _, plan in results:
            x.value[...] = rows[: len(x.value)]
            plan.forward()
        for _, y, _ in results[1:]:
            np.testing.assert_allclose(y.value, results[0][1].value[: len(y.value)], rtol=1e-13)


def test_every_buffer_starts_at_a_cache_line_and_none_overlap(arena: Arena) -> None:
    _, y = network(tape := Tape(arena, training=True), 5)
    buffers = Plan(tape, Add()(y, Multiply()(y, y))).buffers
    assert all(buffer.ctypes.data % ALIGNMENT_BYTES == 0 for buffer in buffers)
    for i, buffer in enumerate(buffers):
        assert not any(np.shares_memory(buffer, other) for other in buffers[:i])


def test_a_result_takes_the_memory_of_an_input_that_nothing_else_reads(arena: Arena) -> None:
    tape = Tape(arena, training=True)
    x = tape.input((3, 5))
    first = Tanh()(x)  # an input of the tape is the caller's
    again = Tanh()(first)  # the derivative of `first` is computed from it
    twice = ReLU()(total := Add()(again, again))
    Multiply()(total, twice)  # which reads the sum, too
    kept = ReLU()(output := Add()(again, twice))
    inner = ReLU()(single := Add()(kept, twice))
    Plan(tape, output)
    assert inner.value is single.value
    for y, other in ((first, x), (again, first), (twice, total), (kept, output)):
        assert not np.shares_memory(y.value, other.value)


def test_infinities_may_arise_quietly(arena: Arena) -> None:
    x, y = network(tape := Tape(arena, training=True), 2)
    plan = Plan(tape, Multiply()(y, y))
    x.value[...] = 1
    arena.value("b2")[...] = 1e300
    with arena.backend.quiet():
        plan.forward()
        plan.backward()
    assert np.isinf(tape.steps[-1].y.value).all()


@pytest.mark.parametrize("training", [True, False])
def test_what_the_caller_keeps_is_not_written_over(arena: Arena, training: bool) -> None:
    """A function that works in place then gets memory of its own."""
    for keep in (False, True):
        tape = Tape(arena, training=training)
        x = tape.input((6, 4))
        h = Linear()(x, tape.parameter("w1"), tape.parameter("b1"))
        y = Tanh()(h)
        z = Linear()(y, tape.parameter("w2"), tape.parameter("b2"))
        plan = Plan(tape, z if training else None, keep=(h,) if keep else ())
        x.value[...] = np.random.default_rng(1).normal(size=(6, 4))
        plan.forward()
        wanted = x.value @ arena.value("w1") + arena.value("b1")
        assert (y.value is h.value) is not keep
        assert np.allclose(h.value, wanted) is keep
