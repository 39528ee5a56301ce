"""Training on a backend whose arrays are not in main memory: what the engine copies, and where."""

from typing import Any

import numpy as np
import pytest
from device import DeviceArray, DeviceBackend

from mlptrain.backend.numpy import NumpyBackend
from mlptrain.config.schema import TrainingConfig
from mlptrain.data.dataset import Dataset
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets, InputTargets, LabelTargets, MaskTargets, Targets
from mlptrain.functions.activations import GELU
from mlptrain.functions.losses import BinaryCrossEntropy, CrossEntropy, Loss, MeanSquaredError
from mlptrain.nn.layers import Dense, Dropout, Layer
from mlptrain.nn.model import Model
from mlptrain.optim.lbfgs import LBFGS
from mlptrain.optim.optimizers import SGD, AdamW, Optimizer
from mlptrain.tasks.autoencoder import Autoencoder
from mlptrain.tasks.classification import Classification
from mlptrain.tasks.multi_label import MultiLabel
from mlptrain.tasks.segmentation import Segmentation
from mlptrain.tasks.task import Task
from mlptrain.training.events import EpochDone
from mlptrain.training.trainer import Trainer

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (23, 4, 3, 1), np.uint8)
CLASSES = ClassTargets(RANDOM.integers(0, 2, 23), ("a", "b"), name_weights=np.array([1.0, 3.0]))
LABELS = LabelTargets(RANDOM.integers(0, 2, (23, 3)).astype(np.float32), ("a", "b", "c"))
MASKS = MaskTargets(RANDOM.integers(0, 2, (23, 12), np.uint8), ("a", "b"))
KINDS: dict[str, tuple[Task, Targets, Loss]] = {
    "classification": (Classification(), CLASSES, CrossEntropy()),
    "multi_label": (MultiLabel(), LABELS, BinaryCrossEntropy()),
    "autoencoder": (Autoencoder(), InputTargets(np.empty((23, 0)), ()), MeanSquaredError()),
    "segmentation": (Segmentation(), MASKS, CrossEntropy()),
}
STEPWISE: list[Layer] = [Dense(units=6, activation=GELU()), Dropout(rate=0.3)]
OPTIMIZERS: dict[str, tuple[Optimizer, list[Layer]]] = {
    "sgd": (SGD(momentum=0.9, nesterov=True, clip_norm=0.5), STEPWISE),
    "adamw": (AdamW(weight_decay=0.1), STEPWISE),
    "lbfgs": (LBFGS(weight_decay=0.01), STEPWISE[:1]),
}


def trainer(kind: str, optimizer: str, backend: NumpyBackend) -> Trainer:
    """A trainer on 23 images in batches of 5, the examples weighted and in another order."""
    task, targets, loss = KINDS[kind]
    chosen, layers = OPTIMIZERS[optimizer]
    weights = np.linspace(0, 2, 23, dtype=np.float32)
    digests, rows = np.zeros((23, 16), np.uint8), np.arange(23)[::-1].copy()
    data = Dataset(IMAGES, rows, digests, targets, ("",) * 23, "", weights=weights)
    head = task.head((4, 3, 1), targets.names)
    model = Model(layers, 12, head, loss, backend=backend)
    training = TrainingConfig(batch_size=5, epochs=3, optimizer=chosen, early_stopping=None)
    return Trainer(training, task, model, data, data, Normalization.of_images([IMAGES]), 0)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("kind", KINDS)
def test_training_is_the_same_wherever_the_arrays_are(kind: str, optimizer: str) -> None:
    results: list[Any] = []
    for backend in (NumpyBackend(), DeviceBackend()):
        made = trainer(kind, optimizer, backend)
        done = [event for event in made.train() if isinstance(event, EpochDone)]
        made.keep_best()
        groups = made.state().values()
        arrays = [backend.fetch(each).tolist() for group in groups for each in group.values()]
        results.append((arrays, [event.metrics.values for event in done], made.progress))
    assert len(results[0][1]) == 3
    assert results[0] == results[1]


def test_the_state_lies_on_the_device() -> None:
    made = trainer("classification", "adamw", DeviceBackend())
    for groups in (made.state(), made.best()):
        for group in groups.values():
            assert all(isinstance(each, DeviceArray) for each in group.values())


def test_the_stand_in_refuses_arrays_of_main_memory() -> None:
    backend, host = DeviceBackend(), np.ones(3)
    on_device = backend.put(host)
    for use in (
        lambda: on_device + host,
        lambda: np.add(on_device, 1, out=host),
        lambda: np.copyto(on_device, host),
        lambda: on_device.__setitem__(slice(None), host),
        lambda: on_device.__setitem__(np.array([0]), 1),
        lambda: on_device.take(np.array([0])),
        lambda: on_device.dot(host),
        on_device.tolist,
    ):
        with pytest.raises(AssertionError):
            use()
