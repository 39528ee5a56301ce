"""An evaluation counts every example once, whatever batch it comes in."""

import numpy as np
import pytest

from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import digests_of
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.model import Model
from mlptrain.tasks.classification import Classification
from mlptrain.training.evaluate import BATCH_SIZE, Predictor, evaluate


@pytest.mark.parametrize("rest", [0, 1, 40])
def test_the_loss_is_the_mean_over_examples_not_over_batches(rest: int) -> None:
    """The examples beyond the full batches are of the class that the model thinks unlikely."""
    n = 2 * BATCH_SIZE + rest
    labels = (np.arange(n) >= 2 * BATCH_SIZE).astype(np.int64)
    images = np.random.default_rng(0).integers(0, 256, (n, 2, 2, 1), np.uint8)
    names = tuple(map(str, range(n)))
    targets = ClassTargets(labels, ("often", "seldom"))
    dataset = Dataset(images, np.arange(n), digests_of(images), targets, names, "")
    task = Classification()
    spec = task.spec(targets)
    model = Model([], 4, task.head((2, 2, 1), spec.names), CrossEntropy())
    model.initialize(np.random.default_rng(0))
    (bias,) = (w for w in model.arena.by_name().values() if w.ndim == 1)
    bias[...] = 4, 0
    predictor, done = Predictor(model, Normalization.identity(1)), []
    found = evaluate(
        predictor, task, spec, dataset, lambda *now: done.append(now), keep_scores=False
    )
    batches = predictor.run(dataset.inputs, targets=targets)
    probabilities = np.concatenate([each.outputs.copy() for each in batches])
    losses = -np.log(probabilities[np.arange(n), labels].astype(np.float64))
    assert found.loss == pytest.approx(losses.mean(), rel=1e-5)
    confusion = np.zeros((2, 2))
    np.add.at(confusion, (labels, probabilities.argmax(axis=1)), 1)
    assert found.confusion.tolist() == confusion.tolist()
    assert done[-1] == (n, n)
