"""State that is not trained, by the example of a running mean, `plugins/centred.py`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_loading import forgotten

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.gradcheck import gradient_error
from mlptrain.autodiff.tape import Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.choice import choose_backend
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.errors import DefinitionError
from mlptrain.functions.activations import Softmax, Tanh
from mlptrain.functions.linear import Linear
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Layer, layers
from mlptrain.nn.model import Head, Model
from mlptrain.plugins import load_plugin

PLUGIN = Path(__file__).parents[1] / "plugins" / "centred.py"
BACKENDS = {backend.kernels: backend for backend in (NumpyBackend(), choose_backend())}


@pytest.fixture(autouse=True)
def _loaded() -> Iterator[None]:
    with forgotten():
        load_plugin(str(PLUGIN))
        yield


def centred(**settings: Any) -> Layer:
    return layers["centred"](**settings)


def test_the_gradients_are_right_though_forward_changes_the_state() -> None:
    random = np.random.default_rng(0)
    layer = centred(momentum=0.5)

    def program(x: Tensor, mean: Tensor, w: Tensor) -> Tensor:
        """Reads the state before it is updated, so that what an earlier pass left would show."""
        hidden = Tanh()(Linear()(x, w, mean))
        return Tanh()(layer.record(hidden, {"mean": mean}))

    parameters = {"x": random.normal(size=(5, 4)), "w": random.normal(size=(4, 3))}
    state = {"mean": random.normal(size=3)}
    assert gradient_error(program, parameters, {}, state) < 1e-7


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS)
@pytest.mark.parametrize("in_block", [False, True])
def test_training_updates_the_state_and_evaluation_reads_it(backend: Any, in_block: bool) -> None:
    layer = layers["residual"](layers=(centred(),)) if in_block else centred()  # type: ignore[call-arg]
    model = Model([layer], 4, Head(3, Softmax()), CrossEntropy(), backend=backend)
    (name,) = model.arena.state_slots
    assert name == ("residual_1/centred_1/mean" if in_block else "centred_1/mean")
    model.initialize(np.random.default_rng(0))
    model.arena.value("output/kernel")[...] = np.eye(4, 3)
    counter = np.zeros(1, np.int64)
    training = {n: model.plan_training(n, backend.random(0, 0, counter)) for n in (6, 2)}
    evaluation = model.plan_evaluation(5)
    mean, random = np.zeros(4), np.random.default_rng(1)
    for batch in (6, 6, 2):
        program = training[batch]
        program.x.value[...] = x = random.normal(3, 1, (batch, 4))
        program.targets.value[...], program.weights.value[...] = 0, 1 / batch
        program.plan.forward()
        program.plan.backward()
        mean = 0.9 * mean + 0.1 * x.mean(axis=0)
        np.testing.assert_allclose(model.arena.state, mean, rtol=1e-5)
        expected = x - x.mean(axis=0) + (x if in_block else 0)
        np.testing.assert_allclose(program.output.value, expected[:, :3], atol=1e-5)
    before = model.arena.state.copy()
    evaluation.x.value[...] = x = random.normal(3, 1, (5, 4))
    evaluation.targets.value[...], evaluation.weights.value[...] = 0, 1 / 5
    evaluation.plan.forward()
    np.testing.assert_array_equal(model.arena.state, before)
    logits = (x - mean + (x if in_block else 0))[:, :3]
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(evaluation.output.value, expected, rtol=1e-4)
    model.initialize(np.random.default_rng(0))
    assert not model.arena.state.any()


def test_only_state_is_updated_and_only_in_training() -> None:
    shapes = {"w": (3,)}
    for training, name in ((True, "w"), (False, "mean")):
        arena = Arena(shapes, np.float32, NumpyBackend(), {"mean": (3,)})
        tape, found = Tape(arena, training=True), Tape(arena, training=training)
        function = centred().record(tape.input((2, 3)), {"mean": tape.state("mean")})
        update = tape.steps[-1].function
        assert function.shape == (2, 3)
        read = found.parameter(name) if name == "w" else found.state(name)
        with pytest.raises(
            DefinitionError, match="Only state can be updated, and only in training"
        ):
            update(found.input((2, 3)), read)


def test_a_name_is_either_a_parameter_or_state() -> None:
    with pytest.raises(DefinitionError, match="mean: is the name of a parameter and of state"):
        Arena({"mean": (3,)}, np.float32, NumpyBackend(), {"mean": (3,)})
