"""Every activation and its derivative are PyTorch's, within 1e-10 relative."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from reference_runs import ACTIVATIONS

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.plan import Plan
from mlptrain.autodiff.tape import Tape
from mlptrain.backend.call import Array
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.activations import activations


@pytest.fixture(scope="module")
def recorded() -> Iterator[dict[str, Array]]:
    with np.load(Path(__file__).with_name("activations.npz")) as file:
        yield dict(file)


def test_every_activation_was_recorded() -> None:
    assert {kind for kind, _ in ACTIVATIONS.values()} == set(activations)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_values_and_derivatives_are_those_of_pytorch(name: str, recorded: dict[str, Array]) -> None:
    kind, settings = ACTIVATIONS[name]
    arena = Arena({"x": recorded["x"].shape}, np.float64, NumpyBackend())
    arena.value("x")[...] = recorded["x"]
    tape = Tape(arena, training=True)
    y = activations[kind](**settings)(tape.parameter("x"))
    plan = Plan(tape, y)
    plan.forward()
    plan.backward(recorded["g"])
    for got, part in ((y.value, "y"), (arena.gradient("x"), "gradient")):
        wanted = recorded[f"{name}/{part}"]
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-14, err_msg=part)
