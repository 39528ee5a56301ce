"""The protocol: every backend has what the engine needs, and the engine uses nothing else.

mypy checks this file as well."""

from typing import Any

import numpy as np
import pytest
from compiled_backend import compiled_backend

from mlptrain.autodiff.arena import Arena
from mlptrain.backend.compiled import CompiledBackend
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend
from mlptrain.functions.activations import ReLU, Softmax
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense, Dropout
from mlptrain.nn.model import Head, Model
from mlptrain.optim.clipping import clip_calls
from mlptrain.optim.optimizers import AdamW
from mlptrain.optim.updater import Updater

MEMBERS = {*Backend.__annotations__, *(name for name in vars(Backend) if name[0] != "_")}


class ProtocolOnly:
    """A wrapper that exposes only the members of the protocol, and records their use."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.used: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        assert name in MEMBERS, f"the engine uses {name}"
        self.used.add(name)
        return getattr(self._backend, name)


def as_backends(plain: NumpyBackend, compiled: CompiledBackend) -> tuple[Backend, Backend]:
    """mypy must accept that both implement the protocol."""
    return plain, compiled


@pytest.mark.parametrize("make", [NumpyBackend, compiled_backend])
def test_the_engine_uses_nothing_beyond_the_protocol(make: Any) -> None:
    results = []
    for backend in (make(), wrapped := ProtocolOnly(make())):
        layers = [Dense(units=5, activation=ReLU()), Dropout(rate=0.5)]
        model = Model(layers, 4, Head(3, Softmax()), CrossEntropy(), backend=backend)
        model.initialize(np.random.default_rng(0))
        counter = backend.empty((1,), np.int64)
        counter[0] = 0
        program = model.plan_training(2, backend.random(0, 0, counter))
        updater = Updater(AdamW(), model.arena)
        updater.coefficients[...] = updater.row(0.1, 1)
        program.x.value[...], program.targets.value[...] = 1, [0, 2]
        program.weights.value[...] = 0.5
        with backend.quiet():
            program.plan.forward()
            program.plan.backward()
            backend.bind([*clip_calls(model.arena, 1.0), *updater.calls()])()
        results.append(model.arena.values.tolist())
    assert results[0] == results[1]
    used = {"dtypes", "matmul_precisions", "empty", "put", "bind", "random", "quiet", "chunk"}
    assert wrapped.used == used


def test_no_backend_derives_from_another() -> None:
    assert not issubclass(CompiledBackend, NumpyBackend)
    assert not issubclass(NumpyBackend, CompiledBackend)


def test_an_arena_refuses_a_dtype_that_its_backend_lacks() -> None:
    backend = NumpyBackend()
    backend.dtypes = ("float32",)
    with pytest.raises(ValueError, match="float64: the numpy backend has float32"):
        Arena({"w": (2, 2)}, np.float64, backend)
