"""Does this very network learn? Its gradients against differences of its loss, one batch learned by
heart, and the predictions of `predict` against those of `eval`."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.autodiff.gradcheck import one_sided_differences
from mlptrain.config.load import GivenConfig
from mlptrain.data.dataset import Dataset
from mlptrain.nn.model import Model
from mlptrain.optim.optimizers import Adam
from mlptrain.training.datasets import Reading
from mlptrain.training.example_results import ExampleBatch
from mlptrain.training.fitting import Fitting
from mlptrain.training.setup import prepare_fitting
from mlptrain.training.streams import DROPOUT
from mlptrain.training.trained_model import Prediction, TrainedModel, network_of
from mlptrain.training.trainer import Trainer

BATCH = 8  # examples, spread over the training split
ENTRIES = 64  # of each parameter array that are checked, at most
GRADIENT_BOUND = 1e-5  # relative to the largest difference
KINK = 1e-4  # a jump of the derivative, relative to the same
STEPS, RATE = 500, 1e-3  # of Adam, to learn one batch
SHARE = 0.5  # of the first loss that may be left
PREDICTED = 64
PREDICTION_BOUND = 1e-5  # relative to the largest value


@dataclass(frozen=True)
class Check:
    """A check with its result in words and in figures."""

    name: str
    passed: bool
    found: str
    figures: dict[str, Any]

    @property
    def record(self) -> dict[str, Any]:
        """It as values that JSON has."""
        return {"name": self.name, "passed": self.passed, **self.figures}


def selfcheck(given: GivenConfig, reading: Reading) -> list[Check]:
    """All checks of the network and the data that a config describes. Writes nothing. Raises
    DataError and ConfigError, as training does."""
    fitting = prepare_fitting(given, reading)
    count = len(fitting.splits.train)
    examples = np.unique(np.linspace(0, count - 1, BATCH).astype(np.int64))
    predictions = _predictions(fitting)  # before the network learns the batch
    return [_gradients(fitting, examples), _one_batch(fitting, examples), predictions]


def _gradients(fitting: Fitting, examples: NDArray[np.int64]) -> Check:
    """Backpropagation in float64 against the slopes of the loss left and right of each parameter:
    between these lies its derivative, also where an activation has a kink."""
    model = _in_float64(fitting)
    names = [name for name in model.arena.slots if name not in model.arena.frozen]
    drawn = np.random.default_rng(0)
    entries, owners = [], []
    for name in names:
        place = model.arena.slots[name].range
        size = place.stop - place.start
        entries.append(place.start + drawn.permutation(size)[:ENTRIES])
        owners += [name] * min(size, ENTRIES)
    chosen = np.concatenate(entries)
    analytic, left, right = _slopes(fitting, model, examples, chosen)
    scale = max(float(np.abs(left + right).max()) / 2, 1e-6)
    low, high = np.minimum(left, right), np.maximum(left, right)
    errors = np.maximum(np.maximum(low - analytic, analytic - high), 0) / scale
    errors[np.isnan(errors)] = np.inf
    worst, kinks = int(errors.argmax()), int((high - low > KINK * scale).sum())
    error = float(errors[worst])
    return Check(
        "gradients",
        error <= GRADIENT_BOUND,
        f"largest error {error:.1e} (at most {GRADIENT_BOUND:g}), in {owners[worst]}; "
        f"{len(chosen):,} of {model.arena.values.size:,} parameters in float64, {kinks} at a kink",
        {
            "largest_error": error if np.isfinite(error) else None,
            "bound": GRADIENT_BOUND,
            "parameter": owners[worst],
            "checked": len(chosen),
            "parameters": model.arena.values.size,
            "kinks": kinks,
        },
    )


def _in_float64(fitting: Fitting) -> Model:
    """The network in float64, with the same initial parameters and state."""
    config, train = fitting.given.config, fitting.splits.train
    training = config.training.model_copy(update={"precision": "float64"})
    own = fitting.trainer.model.arena
    model = network_of(
        config.model_copy(update={"training": training}),
        train.inputs.shape[1:],
        train.targets.names,
        own.backend,
    )
    model.arena.values[...] = own.values
    model.arena.state[...] = own.state
    return model


def _slopes(
    fitting: Fitting, model: Model, examples: NDArray[np.int64], chosen: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """The gradient of the loss of `examples` at the `chosen` parameters by backpropagation, and its
    one-sided differences. Dropout draws the same numbers at every pass."""
    arena, batches, seed = model.arena, fitting.trainer.batches, fitting.given.config.seed
    backend, state = arena.backend, arena.state.copy()
    counter = backend.empty((1,), np.int64)
    counter[0] = 0
    program = model.plan_training(len(examples), backend.random(seed, DROPOUT, counter))
    places = backend.put(examples)
    gather = backend.bind(
        [
            *batches.calls(places, program.x.value),
            *batches.target_calls(places, program.targets.value, program.weights.value),
        ]
    )

    def loss() -> float:
        arena.state[...] = state
        program.plan.forward()
        return float(program.loss.value)

    with backend.quiet():
        next(iter(batches.windows(examples)))
        gather()
        loss()
        arena.gradients[...] = np.nan
        program.plan.backward()
        analytic = backend.fetch(arena.gradients)[chosen].copy()
        return analytic, *one_sided_differences(arena.values, loss, chosen)


def _one_batch(fitting: Fitting, examples: NDArray[np.int64]) -> Check:
    """Learn a few examples by heart, with Adam and without what would hold it back: what is
    learned is measured without dropout."""
    config, splits = fitting.given.config, fitting.splits
    free = {"optimizer": Adam(learning_rate=RATE), "epochs": STEPS, "batch_size": "full"}
    free |= {"early_stopping": None, "l2": 0.0, "class_weight": None}
    batch = splits.train.select(examples)
    trainer = Trainer(
        config.training.model_copy(update=free),
        config.task,
        fitting.trainer.model,
        batch,
        None,
        fitting.trainer.normalization,
        config.seed,
    )
    first = _loss(trainer, batch)
    for _ in trainer.train():
        pass
    last = _loss(trainer, batch)
    return Check(
        "one batch",
        last <= SHARE * first,
        f"loss {first:.4g} -> {last:.4g} (at most {SHARE * first:.4g}) on {len(batch)} examples "
        f"in {STEPS} steps of adam",
        {"first_loss": first, "last_loss": last, "bound": SHARE * first, "steps": STEPS}
        | {"examples": len(batch)},
    )


def _loss(trainer: Trainer, batch: Dataset) -> float:
    outcome = trainer.evaluate(batch)
    assert outcome is not None
    return outcome.loss


def _predictions(fitting: Fitting) -> Check:
    """What `predict` gives for the files of some training examples, or for their arrays, against
    what `eval` compares with their targets."""
    trainer, train = fitting.trainer, fitting.splits.train
    model = TrainedModel(fitting.state(trainer.progress), trainer.model)
    count = min(PREDICTED, len(train))
    some = train.select(np.unique(np.linspace(0, len(train) - 1, count).astype(np.int64)))
    evaluated: list[NDArray[Any]] = []

    def keep(batch: ExampleBatch) -> None:
        evaluated.extend(np.array(batch.predictions).reshape(len(batch.predictions), -1))

    model.evaluate(some, lambda *_: None, keep)
    if some.array is None:
        found = model.predict([some.path(index) for index in range(len(some))], 1)
        predicted = [np.array(e.values) for e in found if isinstance(e, Prediction)]
    else:
        answers = model.answers(some.inputs[some.rows], 1)
        predicted = [np.array(values) for _, values in answers]
    one, other = np.array(evaluated), np.array(predicted)
    same = one.shape == other.shape
    difference = float(np.abs(one - other).max()) if same else np.inf
    bound = PREDICTION_BOUND * max(1.0, float(np.abs(one).max()))
    return Check(
        "predictions",
        difference <= bound,
        f"largest difference {difference:.1e} (at most {bound:.1e}) between predict and eval on "
        f"{len(some)} examples",
        {"largest_difference": difference if same else None, "bound": bound}
        | {"examples": len(some)},
    )
