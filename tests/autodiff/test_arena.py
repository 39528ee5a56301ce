"""The memory of the parameters: order, views, alignment."""

import numpy as np
import pytest

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.memory import ALIGNMENT_BYTES
from mlptrain.backend.numpy import NumpyBackend

SHAPES = {"b1": (3,), "w1": (4, 3), "b2": (2,), "w2": (3, 2), "scale": ()}


@pytest.fixture
def arena() -> Arena:
    return Arena(SHAPES, np.float32, NumpyBackend())


def test_matrices_come_first_and_are_the_decayed_part(arena: Arena) -> None:
    assert list(arena.slots) == ["w1", "w2", "b1", "b2", "scale"]
    assert arena.decayed == 4 * 3 + 3 * 2


def test_the_slots_cover_the_vector_once_and_in_order(arena: Arena) -> None:
    places = [index for slot in arena.slots.values() for index in range(24)[slot.range]]
    assert places == list(range(24))
    assert arena.values.shape == arena.gradients.shape == (24,)


def test_an_arena_without_matrices_decays_nothing() -> None:
    assert Arena({"b": (5,)}, np.float32, NumpyBackend()).decayed == 0


def test_values_and_gradients_start_as_zeros_of_the_given_type(arena: Arena) -> None:
    for vector in (arena.values, arena.gradients):
        assert vector.dtype == np.float32
        assert not vector.any()
        assert vector.flags.c_contiguous


def test_named_arrays_are_views_of_the_vectors(arena: Arena) -> None:
    for number, (name, shape) in enumerate(SHAPES.items(), 1):
        assert arena.value(name).shape == arena.gradient(name).shape == shape
        arena.value(name)[...] = number
        arena.gradient(name)[...] = -number
    assert arena.values.tolist() == [2] * 12 + [4] * 6 + [1] * 3 + [3] * 2 + [5]
    assert arena.gradients.tolist() == (-arena.values).tolist()


@pytest.mark.parametrize("size", [1, 3, 17, 1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_both_vectors_start_at_a_cache_line(size: int, dtype: type) -> None:
    arenas = [Arena({"b": (size,)}, dtype, NumpyBackend()) for _ in range(20)]
    for arena in arenas:
        assert arena.values.ctypes.data % ALIGNMENT_BYTES == 0
        assert arena.gradients.ctypes.data % ALIGNMENT_BYTES == 0
        assert not np.shares_memory(arena.values, arena.gradients)


def test_frozen_parameters_come_last() -> None:
    """So that all that is trained, and in it all that decays, is one slice."""
    shapes = {"a/w": (2, 3), "a/b": (3,), "c/w": (3, 4), "c/b": (4,)}
    arena = Arena(shapes, np.float32, NumpyBackend(), frozen={"a/w", "a/b"})
    assert list(arena.slots) == ["c/w", "c/b", "a/w", "a/b"]
    assert (arena.decayed, arena.trained, arena.values.size) == (12, 16, 25)
    everything = Arena(shapes, np.float32, NumpyBackend())
    assert (everything.decayed, everything.trained) == (18, 25)
