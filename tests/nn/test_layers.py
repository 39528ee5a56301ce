"""Layers: shapes, parameters, how they start, what they record."""

import numpy as np
import pytest
from pydantic import ValidationError

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.tape import Tape
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.functions.activations import activations
from mlptrain.nn.initializers import HeUniform, Zeros, initializers
from mlptrain.nn.layers import MAX_UNITS, Dense, Dropout, Layer, layers

INITIALIZER = {
    "identity": "glorot_uniform",
    "relu": "he_normal",
    "leaky_relu": "he_normal",
    "elu": "he_normal",
    "gelu": "he_normal",
    "silu": "he_normal",
    "softplus": "he_normal",
    "tanh": "glorot_uniform",
    "sigmoid": "glorot_uniform",
    "softmax": "glorot_uniform",
}


def recorded(layer: Layer, *, training: bool = True) -> list[str]:
    """The names of the functions the layer applies to x (5, 4), and checks of their shapes."""
    shapes = layer.shapes(4)
    tape = Tape(Arena(shapes, np.float32, NumpyBackend()), training=training)
    x = tape.input((5, 4))
    y = layer.record(x, {name: tape.parameter(name) for name in shapes})
    assert y.shape == (5, layer.outputs(4))
    return [type(step.function).__name__ for step in tape.steps]


def test_dense_shapes() -> None:
    assert Dense(units=3).shapes(4) == {"kernel": (4, 3), "bias": (3,)}
    assert Dense(units=3, use_bias=False).shapes(4) == {"kernel": (4, 3)}
    assert Dense(units=3).outputs(4) == 3


def test_what_dense_records() -> None:
    relu = activations["relu"]()
    assert recorded(Dense(units=3)) == ["Linear"]
    assert recorded(Dense(units=3, activation=relu)) == ["Linear", "ReLU"]
    assert recorded(Dense(units=3, activation=relu, use_bias=False)) == ["MatMul", "ReLU"]
    assert recorded(Dense(units=3, activation=relu), training=False) == ["Linear", "ReLU"]


@pytest.mark.parametrize("name", list(activations))
def test_dense_with_every_activation(name: str) -> None:
    names = recorded(Dense(units=3, activation=activations[name]()))
    assert names == (["Linear"] if name == "identity" else ["Linear", activations[name].__name__])


def test_every_activation_has_its_initializer_here() -> None:
    assert set(INITIALIZER) == set(activations)


@pytest.mark.parametrize(("activation", "name"), INITIALIZER.items())
def test_the_activation_chooses_the_initializer(activation: str, name: str) -> None:
    dense = Dense(units=3, activation=activations[activation]())
    kernel = dense.initial("kernel", (4, 3), np.random.default_rng(1))
    wanted = initializers[name]().sample(np.random.default_rng(1), (4, 3))
    np.testing.assert_array_equal(kernel, wanted)


@pytest.mark.parametrize("name", list(initializers))
def test_a_named_initializer_goes_before_the_activation(name: str) -> None:
    dense = Dense(
        units=3, activation=activations["relu"](), kernel_initializer=initializers[name]()
    )
    kernel = dense.initial("kernel", (4, 3), np.random.default_rng(1))
    wanted = initializers[name]().sample(np.random.default_rng(1), (4, 3))
    np.testing.assert_array_equal(kernel, wanted)


@pytest.mark.parametrize("initializer", [None, Zeros(), HeUniform()])
def test_biases_start_as_zeros_and_draw_nothing(initializer: Zeros | HeUniform | None) -> None:
    random = np.random.default_rng(1)
    before = random.bit_generator.state
    assert not Dense(units=3, kernel_initializer=initializer).initial("bias", (3,), random).any()
    assert random.bit_generator.state == before


def test_dropout_has_no_parameters_and_acts_in_training_only() -> None:
    assert Dropout().shapes(4) == {}
    assert recorded(Dropout(rate=0.3), training=True) == ["Dropout"]
    assert recorded(Dropout(rate=0.3), training=False) == []


def test_the_rate_reaches_the_function() -> None:
    tape = Tape(Arena({"w": (2, 4)}, np.float32, NumpyBackend()), training=True)
    Dropout(rate=0.3).record(tape.parameter("w"), {})
    assert tape.steps[0].function.rate == 0.3


@pytest.mark.parametrize("units", [0, -1, MAX_UNITS + 1, 2.5, "3"])
def test_units_out_of_range_are_refused(units: object) -> None:
    with pytest.raises(ValidationError):
        Dense(units=units)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan"), "half"])
def test_rates_out_of_range_are_refused(rate: object) -> None:
    with pytest.raises(ValidationError):
        Dropout(rate=rate)


def test_summaries() -> None:
    assert Dense(units=3, activation=activations["relu"]()).summary() == "relu"
    assert Dropout(rate=0.25).summary() == "0.25"


@pytest.mark.parametrize("name", list(layers))
def test_layers_are_frozen(name: str) -> None:
    layer = layers[name](**({"units": 2} if name == "dense" else {}))
    with pytest.raises(ValidationError, match="frozen"):
        layer.type = "other"  # type: ignore[attr-defined]
