"""Denormals are 0 while a backend is quiet, and not afterwards."""

import ctypes
import platform
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
from compiled_backend import compiled_backend
from stepping import Updates

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.compiled import _Operation
from mlptrain.backend.denormals import denormals_are_zero
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend
from mlptrain.optim.optimizers import SGD

TINY = np.float32(1e-39)

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() != "x86_64", reason="denormals stay here"
)


@pytest.mark.parametrize("backend", [NumpyBackend, compiled_backend])
def test_momentum_decays_to_zero_once_the_gradient_is_zero(
    backend: Callable[[], Backend],
) -> None:
    arena = Arena({"b": (40,)}, np.float32, backend())
    updater = Updates(SGD(momentum=0.9), arena)
    arena.gradients[...] = 1e-37
    with arena.backend.quiet():
        updater.update(0.1)
        arena.gradients[...] = 0
        for _ in range(40):
            updater.update(0.1)
    assert (updater.state["v"] == 0).all()


def test_every_thread_of_a_program_treats_denormals_as_zero() -> None:
    """The two parts wait for each other, so two threads must run them."""
    backend, together = compiled_backend(2), threading.Barrier(2)
    products: dict[int, np.float32] = {}

    @ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 3)
    def kernel(*_: int) -> None:
        together.wait()
        products[threading.get_native_id()] = TINY * np.float32(1)

    bounds = np.array([0, 2])
    tasks = (_Operation * 2)(
        *(
            _Operation(
                kernel=ctypes.cast(kernel, ctypes.c_void_p),
                bounds=bounds.ctypes.data,
                segments=1,
                grain=1,
                part=part,
                parts=2,
                of_task=1,
                of_round=2,
                tasks=2,
            )
            for part in range(2)
        )
    )
    backend._library.run_program(ctypes.addressof(tasks), 2, 1)
    assert list(products.values()) == [0, 0]


def test_denormals_are_back_afterwards_also_after_an_error() -> None:
    def fail() -> None:
        assert TINY * np.float32(1) == 0
        raise KeyError

    with pytest.raises(KeyError), NumpyBackend().quiet():
        fail()
    assert TINY * np.float32(1) == TINY


def test_numpy_warnings_are_back_afterwards() -> None:
    with NumpyBackend().quiet():
        assert np.isinf(np.multiply(np.float32(1e38), np.float32(1e38)))
    with pytest.raises(RuntimeWarning, match="overflow"):
        np.multiply(np.float32(1e38), np.float32(1e38))


def test_nested_contexts() -> None:
    with denormals_are_zero():
        with denormals_are_zero():
            assert TINY * np.float32(1) == 0
        assert TINY * np.float32(1) == 0
    assert TINY * np.float32(1) == TINY
