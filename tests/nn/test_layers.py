"""Layers: shapes, parameters, how they start, what they record."""

import numpy as np
import pytest
from pydantic import ValidationError

from mlptrain.autodiff.arena import Arena
from mlptrain.autodiff.gradcheck import gradient_error
from mlptrain.autodiff.tape import Tape
from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.errors import ConfigError
from mlptrain.functions.activations import Tanh, activations
from mlptrain.nn.initializers import HeUniform, Zeros, initializers
from mlptrain.nn.layers import MAX_UNITS, Dense, Dropout, Layer, Residual, layers

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
    needed = {"dense": {"units": 2}, "residual": {"layers": ["dropout"]}}
    layer = layers[name](**needed.get(name, {}))
    with pytest.raises(ValidationError, match="frozen"):
        layer.type = "other"  # type: ignore[attr-defined]


TANH = Dense(units=4, activation=activations["tanh"]())
NESTED = Residual(layers=(TANH, Residual(layers=(TANH, Dense(units=4, use_bias=False)))))


def test_a_layer_of_layers_has_their_parameters_by_path() -> None:
    assert NESTED.shapes(4) == {
        "dense_1/kernel": (4, 4),
        "dense_1/bias": (4,),
        "residual_1/dense_1/kernel": (4, 4),
        "residual_1/dense_1/bias": (4,),
        "residual_1/dense_2/kernel": (4, 4),
    }
    assert recorded(NESTED) == ["Linear", "Tanh", "Linear", "Tanh", "MatMul", "Add", "Add"]
    random = np.random.default_rng(0)
    for name, shape in NESTED.shapes(4).items():
        first = NESTED.initial(name, shape, random)
        assert first.shape == shape
        assert first.any() == name.endswith("kernel")


def test_the_gradient_goes_through_and_past_the_layers_inside() -> None:
    random = np.random.default_rng(0)
    parameters = {name: random.normal(size=shape) for name, shape in NESTED.shapes(4).items()}

    def program(x: Tensor, **weights: Tensor) -> Tensor:
        return NESTED.record(Tanh()(x), weights)

    assert gradient_error(program, {"x": random.normal(size=(5, 4)), **parameters}, {}) < 1e-7


def test_what_is_added_has_to_be_as_wide() -> None:
    with pytest.raises(ConfigError) as refused:
        Residual(layers=(Dense(units=3),)).outputs(4)
    assert str(refused.value) == (
        "model.layers: a residual block turns 4 values into 3, which cannot be added. "
        "Give its last layer 4 units."
    )
