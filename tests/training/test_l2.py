"""training.l2: the loss of m examples plus l2 ‖w‖² / (2 m), as scikit-learn's alpha."""

from typing import Any

import numpy as np
import pytest

from mlptrain.config.schema import TrainingConfig
from mlptrain.data.batches import Batches
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets
from mlptrain.functions.activations import Softmax, Tanh
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Head, Model
from mlptrain.optim.optimizers import optimizers
from mlptrain.training.checkpoint import Progress
from mlptrain.training.trainer import choose_descent

INPUTS = np.random.default_rng(0).normal(size=(11, 5))
TARGETS = ClassTargets(np.array([0, 1, 2, 1, 0, 2, 2, 1, 0, 1, 2]), ("a", "b", "c"))
WEIGHTS = np.array([1, 2, 0.5, 1, 3, 1, 0, 1, 1, 0.25, 4], np.float32)


def epoch(
    optimizer: dict[str, Any], *, size: int, weights: np.ndarray | None = None, l2: float = 0.0
) -> tuple[Model, np.ndarray, float]:
    """A model in float64 after one epoch, its weights before, and the loss of the epoch."""
    training = TrainingConfig.model_validate({"optimizer": optimizer, "batch_size": size, "l2": l2})
    model = Model([Dense(units=4, activation=Tanh())], 5, Head(3, Softmax()), CrossEntropy(), float)
    model.initialize(np.random.default_rng(1))
    before = model.arena.values[: model.arena.decayed].copy()
    identity = Normalization.identity(1, unit=1)
    backend = model.arena.backend
    batches = Batches(INPUTS, TARGETS, identity, weights=weights, window=11, backend=backend)
    progress = Progress()
    list(choose_descent(training, model, batches, 0).steps(progress))
    return model, before, progress.epoch_loss / len(INPUTS)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_its_gradient_is_that_of_a_weight_decay_of_l2_over_the_examples(
    weights: np.ndarray | None,
) -> None:
    count = 11.0 if weights is None else float(WEIGHTS.sum())
    sgd = {"type": "sgd", "learning_rate": 0.5}
    found, before, loss = epoch(sgd, size=11, weights=weights, l2=3.0)
    decay = {**sgd, "weight_decay": 3.0 / count}
    wanted, _, plain = epoch(decay, size=11, weights=weights)
    np.testing.assert_allclose(found.arena.values, wanted.arena.values, rtol=1e-12)
    assert loss == pytest.approx(plain + 3.0 / count * before @ before / 2, rel=1e-12)
    assert loss > plain + 0.1


def test_a_smaller_batch_is_penalized_more() -> None:
    """The last batch has 5 of 11 examples."""
    sgd = {"type": "sgd", "learning_rate": 1e-9}  # so that the weights stay what they are
    _, before, loss = epoch(sgd, size=6, l2=3.0)
    _, _, plain = epoch(sgd, size=6)
    penalties = 3.0 / 2 * (before @ before) * np.array([1 / 6, 1 / 5])
    assert loss - plain == pytest.approx(penalties @ [6, 5] / 11, rel=1e-6)


def test_beside_a_decoupled_weight_decay() -> None:
    adamw = {"type": "adamw", "learning_rate": 0.1, "weight_decay": 0.3}
    found, before, _ = epoch(adamw, size=11, l2=1000.0)
    w = found.arena.values[: found.arena.decayed]
    # a gradient that is nearly all penalty: Adam's first step goes against the sign of the weight
    np.testing.assert_allclose(w, (1 - 0.1 * 0.3) * before - 0.1 * np.sign(before), atol=1e-3)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_full_batch_optimizers_minimize_it(weights: np.ndarray | None) -> None:
    count = 11.0 if weights is None else float(WEIGHTS.sum())
    found, _, loss = epoch({"type": "lbfgs"}, size=32, weights=weights, l2=3.0)
    decay = {"type": "lbfgs", "weight_decay": 3.0 / count}
    wanted, _, same = epoch(decay, size=32, weights=weights)
    np.testing.assert_allclose(found.arena.values, wanted.arena.values, rtol=1e-12)
    assert loss == pytest.approx(same, rel=1e-12)


def test_any_optimizer_gets_it() -> None:
    for name in optimizers:
        found, *_ = epoch({"type": name}, size=11, l2=3.0)
        plain, *_ = epoch({"type": name}, size=11)
        assert (found.arena.values != plain.arena.values).any(), name
