"""Ten training steps allocate nothing that grows with the batch or the model.

The steps are those of a trainer, one native call each. NumPy casts through a buffer of up to 8,192
elements; here its size is 64, so that it hides nothing."""

import gc
import tracemalloc
from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import numpy as np
import pytest

from mlptrain.backend.blas import blas_threads_kept, use_blas_threads
from mlptrain.backend.call import Array
from mlptrain.backend.choice import choose_backend
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.backend.protocol import Backend
from mlptrain.config.schema import TrainingConfig
from mlptrain.data import batches, targets
from mlptrain.data.dataset import Dataset
from mlptrain.data.digests import DIGEST_BYTES
from mlptrain.data.normalization import Normalization
from mlptrain.data.targets import ClassTargets
from mlptrain.functions.activations import GELU, ReLU, Softplus
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense, Dropout
from mlptrain.nn.model import Model
from mlptrain.optim import clipping
from mlptrain.optim.optimizers import SGD, Adam, AdamW, MiniBatchOptimizer
from mlptrain.tasks.classification import Classification
from mlptrain.training import descent as training_loop
from mlptrain.training.trainer import Trainer

pytestmark = pytest.mark.slow

EXAMPLES, CLASSES, WARM_UP, STEPS = 14_000, 10, 3, 10
SIZES = [(100, 48), (1000, 48), (100, 128), (1000, 128)]  # batch size, width
TOLERANCE = 1000  # bytes; the smallest array that grows with the batch takes 3,600 more
PLAIN = NumpyBackend()
ADAM = Adam(weight_decay=0.01, clip_norm=0.01)


@pytest.fixture(scope="module")
def images() -> Array:
    return np.random.default_rng(0).integers(0, 256, (EXAMPLES, 8, 8, 1), np.uint8)


@pytest.fixture(autouse=True)
def one_step_per_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training_loop, "CALL_SECONDS", 0)


@pytest.fixture(scope="module", autouse=True)
def _quick() -> Iterator[None]:
    """Collections leave out what the test runner has in memory, and the BLAS uses one thread."""
    gc.collect()
    gc.freeze()
    with blas_threads_kept:
        use_blas_threads(1)
        yield
    gc.unfreeze()


@pytest.fixture(autouse=True)
def small_buffers() -> Iterator[None]:
    before = np.setbufsize(64)
    yield
    np.setbufsize(before)


def trainer(
    batch_size: int, width: int, optimizer: MiniBatchOptimizer, images: Array, backend: Backend
) -> Trainer:
    """A trainer for a network with hidden layers of `width` units."""
    hidden = [
        Dense(units=width, activation=ReLU()),
        Dropout(rate=0.3),
        Dense(units=width, activation=GELU()),
        Dense(units=width, activation=Softplus(), use_bias=False),
    ]
    task, names = Classification(), tuple(map(str, range(CLASSES)))
    head = task.head(images.shape[1:], names)
    model = Model(hidden, 64, head, CrossEntropy(label_smoothing=0.1), backend=backend)
    labels = ClassTargets(
        np.arange(EXAMPLES) % CLASSES, names, name_weights=np.linspace(0.5, 2, CLASSES)
    )
    digests = np.zeros((EXAMPLES, DIGEST_BYTES), np.uint8)
    data = Dataset(images, np.arange(EXAMPLES), digests, labels, ("",) * EXAMPLES, "")
    training = TrainingConfig(batch_size=batch_size, optimizer=optimizer, early_stopping=None)
    normalization = Normalization.of_images([images])
    return Trainer(training, task, model, data, None, normalization, 0)


def peak(
    batch_size: int,
    width: int,
    optimizer: MiniBatchOptimizer,
    images: Array,
    backend: Backend = PLAIN,
    runs: int = 8,
) -> int:
    """The peak of allocated bytes during 10 steps, beyond those before them; the minimum of `runs`,
    because NumPy's small caches differ from run to run, and other threads of the test runner
    allocate now and then."""
    made = (trainer(batch_size, width, optimizer, images, backend) for _ in range(runs))
    return min(_peak(each.descent.steps(each.progress)) for each in made)


def _peak(steps: Iterator[Any]) -> int:
    for _ in range(WARM_UP):
        next(steps)
    gc.collect()  # otherwise the peak depends on when a collection happens
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for _ in range(STEPS):
            next(steps)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "optimizer",
    [ADAM, AdamW(), SGD(momentum=0.9, nesterov=True, weight_decay=0.1)],
    ids=["adam", "adamw", "sgd"],
)
def test_steps_allocate_nothing_that_grows(optimizer: MiniBatchOptimizer, images: Array) -> None:
    for backend, sizes in ((PLAIN, SIZES), (choose_backend(), [SIZES[0], SIZES[-1]])):
        peaks = [peak(batch_size, width, optimizer, images, backend) for batch_size, width in sizes]
        assert max(peaks) - min(peaks) < TOLERANCE, peaks


def growth(images: Array) -> int:
    return peak(1000, 128, ADAM, images, runs=2) - peak(100, 48, ADAM, images, runs=2)


Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


def allocating(argument: int) -> Wrap:
    """Wraps a rule so that it first copies one of its arguments."""

    def wrap(rule: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(rule)
        def wrong(*args: Any, **kwargs: Any) -> Any:
            _ = args[argument].copy()
            return rule(*args, **kwargs)

        return wrong

    return wrap


@pytest.mark.parametrize(
    ("owner", "name", "argument"),
    [
        (ReLU, "forward", 2),
        (GELU, "gradient_x", 2),
        (CrossEntropy, "gradient_x", 2),
        (Adam, "update", 2),
        (MiniBatchOptimizer, "decay", 2),
        (batches, "scaled_rows", 1),
        (targets, "shares", 1),  # the smallest allocation: (batch,)
        (clipping, "scale", 1),
    ],
    ids=lambda each: getattr(each, "__name__", str(each)),
)
def test_a_rule_that_allocates_is_found(
    owner: Any, name: str, argument: int, images: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, name, allocating(argument)(getattr(owner, name)))
    assert growth(images) > TOLERANCE


def test_a_step_that_keeps_something_is_found(
    images: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Array] = []
    right = ReLU.forward

    @wraps(right)
    def wrong(self: ReLU, xp: Any, out: Array, x: Array) -> None:
        right(self, xp, out, x)
        kept.append(out[0].copy())

    monkeypatch.setattr(ReLU, "forward", wrong)
    assert growth(images) > TOLERANCE
