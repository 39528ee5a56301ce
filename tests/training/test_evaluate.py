"""An evaluation counts every example once, whatever batch it comes in."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import digests_of
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import IGNORED, ClassTargets, MaskTargets, Targets
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.model import Model
from mlptrain.tasks.classification import Classification
from mlptrain.tasks.segmentation import Segmentation
from mlptrain.tasks.task import Task
from mlptrain.training import evaluate as training_evaluate
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


@pytest.mark.parametrize("weights", [None, np.linspace(0.1, 3, 7, dtype=np.float32)])
@pytest.mark.parametrize("by_pixel", [False, True])
def test_the_loss_does_not_depend_on_the_batches(
    by_pixel: bool, weights: NDArray[np.float32] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Examples count by their weights, masks by their pixels that are not ignored."""
    random, names = np.random.default_rng(0), ("a", "b")
    task: Task = Classification()
    images = random.integers(0, 256, (7, 2, 2, 1), np.uint8)
    targets: Targets = ClassTargets(random.integers(0, 2, 7), names)
    if by_pixel:
        masks = random.integers(0, 2, (7, 4), np.uint8)
        masks[np.arange(4) < np.arange(7)[:, None] - 2] = IGNORED  # up to the whole mask
        task, targets = Segmentation(), MaskTargets(masks, names)
    rows, texts = np.arange(7), tuple(map(str, range(7)))
    dataset = Dataset(images, rows, digests_of(images), targets, texts, "", weights=weights)
    spec = task.spec(targets)
    model = Model([], 4, task.head((2, 2, 1), names), CrossEntropy())
    model.initialize(random)
    losses = []
    for size in (7, 1, 3, 256):
        monkeypatch.setattr(training_evaluate, "BATCH_SIZE", size)
        predictor = Predictor(model, Normalization.identity(1))
        losses.append(evaluate(predictor, task, spec, dataset, keep_scores=False).loss)
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)
