"""Models: parameters by name, first values, training and evaluation programs."""

from typing import Literal

import numpy as np
import pytest

from mlptrain.autodiff.tensor import Tensor
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.errors import DefinitionError
from mlptrain.functions.activations import ReLU, Softmax, Tanh
from mlptrain.functions.linear import MatMul
from mlptrain.functions.losses import CountCorrect, CrossEntropy, Loss, MeanSquaredError
from mlptrain.nn.layers import Dense, Dropout, Layer, Residual
from mlptrain.nn.model import Head, Model, Program

HIDDEN: list[Layer] = [
    Dense(units=6, activation=ReLU()),
    Dropout(rate=0.5),
    Dense(units=4, activation=Tanh(), use_bias=False),
]
RANDOM = np.random.default_rng(0)
HEAD = Head(3, Softmax(), score=CountCorrect())
X, LABELS = RANDOM.normal(size=(7, 5)), RANDOM.integers(0, 3, 7)


def model(
    hidden: list[Layer] = HIDDEN, loss: Loss | None = None, dtype: type = np.float64
) -> Model:
    made = Model(hidden, 5, HEAD, loss or CrossEntropy(), dtype)
    made.initialize(np.random.default_rng(1))
    return made


def run(program: Program) -> None:
    """Forward, over all the examples, each of the same weight."""
    program.x.value[...] = X
    program.targets.value[...] = LABELS
    program.weights.value[...] = 1 / len(LABELS)
    program.plan.forward()


def test_parameters_by_name_and_shape() -> None:
    arena = model().arena
    assert {name: slot.shape for name, slot in arena.slots.items()} == {
        "dense_1/kernel": (5, 6),
        "dense_2/kernel": (6, 4),
        "output/kernel": (4, 3),
        "dense_1/bias": (6,),
        "output/bias": (3,),
    }
    assert list(arena.slots)[:3] == ["dense_1/kernel", "dense_2/kernel", "output/kernel"]
    assert arena.decayed == 30 + 24 + 12


def test_layers_are_counted_by_kind() -> None:
    hidden = [Dropout(), Dense(units=2), Dropout(), Dense(units=3)]
    placed = model(hidden).layers
    assert [(each.name, each.inputs, each.outputs) for each in placed] == [
        ("dropout_1", 5, 5),
        ("dense_1", 5, 2),
        ("dropout_2", 2, 2),
        ("dense_2", 2, 3),
        ("output", 3, 3),
    ]


def test_no_hidden_layers_is_softmax_regression() -> None:
    linear = model([])
    assert list(linear.arena.slots) == ["output/kernel", "output/bias"]
    program = linear.plan_evaluation(7)
    run(program)
    scores = np.exp(X @ linear.arena.value("output/kernel") + linear.arena.value("output/bias"))
    wanted = scores / scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(program.output.value, wanted, rtol=1e-13)
    assert float(program.score.value) == (wanted.argmax(axis=1) == LABELS).sum()
    assert float(program.loss.value) == pytest.approx(
        -np.log(wanted[np.arange(7), LABELS]).mean(), rel=1e-13
    )


def test_initial_values_are_seeded_and_depend_on_the_layer() -> None:
    one, same = model(), model()
    np.testing.assert_array_equal(one.arena.values, same.arena.values)
    other = Model(HIDDEN, 5, HEAD, CrossEntropy())
    other.initialize(np.random.default_rng(2))
    assert not np.isclose(
        one.arena.value("output/kernel"), other.arena.value("output/kernel")
    ).any()
    assert not one.arena.value("dense_1/bias").any()
    assert one.arena.value("dense_1/kernel").all()


def test_initial_values_are_the_same_numbers_in_either_type() -> None:
    single, double = model(dtype=np.float32), model(dtype=np.float64)
    assert single.arena.values.dtype == np.float32
    np.testing.assert_array_equal(single.arena.values, double.arena.values.astype(np.float32))


def test_evaluation_has_no_dropout_and_no_gradients() -> None:
    program = model().plan_evaluation(7)
    run(program)
    first = program.output.value.copy()
    program.plan.forward()
    np.testing.assert_array_equal(first, program.output.value)
    assert not hasattr(program.loss, "gradient")
    with pytest.raises(AssertionError):
        program.plan.backward()


def test_training_draws_masks_from_the_given_numbers() -> None:
    made = model()
    outputs = []
    for seed in (5, 5, 6):
        program = made.plan_training(7, NumpyBackend().random(seed, 0, np.zeros(1, np.int64)))
        run(program)
        outputs.append(program.output.value.copy())
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert not np.array_equal(outputs[0], outputs[2])


def test_training_outputs_logits_and_evaluation_their_softmax() -> None:
    made = model([Dense(units=4, activation=Tanh())])
    training, evaluation = made.plan_training(7, None), made.plan_evaluation(7)
    for program in (training, evaluation):
        run(program)
    logits = training.output.value
    wanted = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(evaluation.output.value, wanted, rtol=1e-13)
    assert float(training.loss.value) == pytest.approx(float(evaluation.loss.value), rel=1e-14)
    assert float(training.score.value) == float(evaluation.score.value)


def test_mean_squared_error_compares_probabilities_with_one_hot_rows() -> None:
    made = model([], MeanSquaredError())
    program = made.plan_evaluation(7)
    run(program)
    wanted = ((program.output.value - np.eye(3)[LABELS]) ** 2).mean()
    assert float(program.loss.value) == pytest.approx(wanted, rel=1e-13)


def test_a_padded_batch_gives_the_gradient_of_the_batch() -> None:
    made = model([Dense(units=4, activation=Tanh())])
    gradients = []
    for size in (7, 12):
        program = made.plan_training(size, None)
        program.x.value[:7], program.x.value[7:] = X, 0
        program.targets.value[:7], program.targets.value[7:] = LABELS, 0
        program.weights.value[:7], program.weights.value[7:] = 1 / 7, 0
        program.plan.forward()
        program.plan.backward()
        gradients.append(made.arena.gradients.copy())
    np.testing.assert_allclose(gradients[1], gradients[0], rtol=1e-12, atol=1e-15)


def test_blocks_are_layers() -> None:
    """Their parameters are called by path; what a caller reads is not written over."""
    block = Residual(layers=(Dense(units=4, activation=Tanh()), Dropout(rate=0.5)))
    made = model([Dense(units=4), block, block])
    assert {"residual_1/dense_1/kernel", "residual_2/dense_1/bias"} < set(made.arena.slots)
    assert made.arena.value("residual_2/dense_1/kernel").any()
    run(program := made.plan_evaluation(7))
    h = X @ made.arena.value("dense_1/kernel")
    for name in ("residual_1", "residual_2"):
        h = h + np.tanh(h @ made.arena.value(f"{name}/dense_1/kernel"))
    scores = np.exp(h @ made.arena.value("output/kernel"))
    wanted = scores / scores.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(program.output.value, wanted, rtol=1e-12)


class Wider(Layer):
    """A layer that forgets to say how many outputs it has, or to return them."""

    type: Literal["wider"] = "wider"
    returns: bool = True

    def shapes(self, inputs: int) -> dict[str, tuple[int, ...]]:
        return {"kernel": (inputs, inputs + 1)}

    def record(self, x: Tensor, parameters: dict[str, Tensor]) -> Tensor:
        y = MatMul()(x, parameters["kernel"])
        return y if self.returns else None  # type: ignore[return-value]


@pytest.mark.parametrize(("returns", "found"), [(True, r"\(7, 6\)"), (False, "None")])
def test_a_layer_has_the_width_that_it_says(*, returns: bool, found: str) -> None:
    wanted = (
        rf"Wider: record turns \(7, 5\) into {found}, but outputs\(5\) is 5, which makes \(7, 5\)"
    )
    with pytest.raises(DefinitionError, match=wanted):
        model([Wider(returns=returns)]).plan_evaluation(7)
