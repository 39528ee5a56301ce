"""Ten training steps allocate nothing that grows with the batch or the model.

The steps are those of `training.loop.train_epoch` itself, around a stand-in for the job. NumPy
casts through a buffer of 8,192 elements, or fewer where the array is smaller; here it is set to 64,
so that it hides nothing."""

import tracemalloc
from collections.abc import Callable, Iterator
from functools import wraps
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from mlptrain.backend.call import Array
from mlptrain.backend.numpy import NumpyBackend
from mlptrain.data.batches import Batches
from mlptrain.data.normalization import Normalization
from mlptrain.functions.activations import GELU, ReLU, Softplus
from mlptrain.functions.losses import CrossEntropy
from mlptrain.nn.layers import Dense, Dropout
from mlptrain.nn.model import Model
from mlptrain.optim import gradients
from mlptrain.optim.optimizers import SGD, Adam, AdamW, Optimizer
from mlptrain.optim.updater import Updater
from mlptrain.training.checkpoint import Progress
from mlptrain.training.job import Job
from mlptrain.training.loop import train_epoch
from mlptrain.training.machine import choose_backend

EXAMPLES, CLASSES, WARM_UP, STEPS = 14_000, 10, 3, 10
SIZES = [(100, 48), (1000, 48), (100, 128), (1000, 128)]  # batch size, width
TOLERANCE = 1000  # bytes; the smallest array that grows with the batch has 1000 · 4
PLAIN = NumpyBackend()
ADAM = Adam(weight_decay=0.01, clip_norm=0.01)


@pytest.fixture(scope="module")
def images() -> Array:
    return np.random.default_rng(0).integers(0, 256, (EXAMPLES, 8, 8, 1), np.uint8)


@pytest.fixture(autouse=True)
def small_buffers() -> Iterator[None]:
    before = np.setbufsize(64)
    yield
    np.setbufsize(before)


def job(
    batch_size: int, width: int, optimizer: Optimizer, images: Array, backend: NumpyBackend
) -> Job:
    """What `train_epoch` asks of a job."""
    hidden = [
        Dense(units=width, activation=ReLU()),
        Dropout(rate=0.3),
        Dense(units=width, activation=GELU()),
        Dense(units=width, activation=Softplus(), use_bias=False),
    ]
    model = Model(hidden, 64, CLASSES, CrossEntropy(label_smoothing=0.1), backend=backend)
    model.initialize(np.random.default_rng(1))
    program = model.plan_training(batch_size, np.random.default_rng(2))
    labels = np.arange(EXAMPLES) % CLASSES
    stand_in = SimpleNamespace(
        config=SimpleNamespace(
            training=SimpleNamespace(batch_size=batch_size, optimizer=optimizer), seed=0
        ),
        progress=Progress(),
        model=model,
        backend=backend,
        train=Batches(images, labels, Normalization.fit([images]), np.linspace(0.5, 2, CLASSES)),
        gradient_norm=gradients.GradientNorm(model.arena),
        updater=Updater(optimizer, model.arena),
        program=lambda _size: program,
        learning_rate=lambda _step: 1e-3,
        steps_per_epoch=-(-EXAMPLES // batch_size),
    )
    return cast(Job, stand_in)


def peak(
    batch_size: int,
    width: int,
    optimizer: Optimizer,
    images: Array,
    backend: NumpyBackend = PLAIN,
) -> int:
    """The most bytes that were in use at once during 10 steps, beyond those before them; the least
    of three runs, because other threads of the test runner allocate now and then."""
    made = (job(batch_size, width, optimizer, images, backend) for _ in range(3))
    return min(_peak(train_epoch(each)) for each in made)


def _peak(steps: Iterator[Any]) -> int:
    for _ in range(WARM_UP):
        next(steps)
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
def test_steps_allocate_nothing_that_grows(optimizer: Optimizer, images: Array) -> None:
    for backend, sizes in ((PLAIN, SIZES), (choose_backend(), [SIZES[0], SIZES[-1]])):
        peaks = [peak(batch_size, width, optimizer, images, backend) for batch_size, width in sizes]
        assert max(peaks) - min(peaks) < TOLERANCE, peaks


def growth(images: Array) -> int:
    return peak(1000, 128, ADAM, images) - peak(100, 48, ADAM, images)


Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


def allocating(argument: int) -> Wrap:
    """A rule that makes a copy of one of the arrays it is given, then does what it did."""

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
        (Optimizer, "decay", 2),
        (Batches, "write", 2),
        (Batches, "write", 4),  # the smallest of all: (batch,)
        (gradients, "square_sums", 2),
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
