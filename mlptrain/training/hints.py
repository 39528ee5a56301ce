"""What a run that is over shows about its training: at most two facts, each with what to try.

A hint is given where the figures leave little doubt. A good run gets none.
"""

from collections.abc import Iterator, Sequence
from itertools import islice, pairwise
from typing import Any

import numpy as np

from mlptrain.data.dataset import Dataset
from mlptrain.functions.activations import ReLU
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import PlacedLayer
from mlptrain.tasks.metrics.measure import metric_names, value_of
from mlptrain.tasks.outcomes.outcome import Outcome
from mlptrain.training.evaluate import Predictor
from mlptrain.training.events import Hint
from mlptrain.training.fitting import Fitting

MOST = 2
MOST_EXAMPLES = 4096  # for the search for dead units
DEAD_SHARE = 0.5  # of a layer's units
FLAT_EPOCHS, FLAT_FALL = 5, 0.01  # the least epochs; the fall as a share of the first loss
JUMP = 0.1  # a rise of the loss from one epoch to the next, as a share of the first loss
OVERFIT_RISE, OVERFIT_PART = 0.3, 0.05  # as shares of the lowest and of the first validation loss
LEAST_R2 = 0.05
LEAST_EXAMPLES = 30  # below, an interval is too wide to say anything about training


Rows = Sequence[dict[str, Any]]  # the lines of metrics.jsonl


def find_hints(fitting: Fitting, rows: Rows, test: Outcome | None) -> tuple[Hint, ...]:
    """The most important hints on a run that is over, with its best weights in the model. `test` is
    their outcome on the test split; without one, the validation split is evaluated."""
    return tuple(islice(_found(fitting, rows, test), MOST)) if rows else ()


def _found(fitting: Fitting, rows: Rows, test: Outcome | None) -> Iterator[Hint]:
    trainer, splits = fitting.trainer, fitting.splits
    outcome = trainer.evaluate(splits.validation) if test is None else test
    name = fitting.given.config.task.headline
    weak = outcome and _below_baseline(name, outcome)
    shows_learning = outcome is not None and _has_baseline(name, outcome) and not weak
    losses = [row["train_loss"] for row in rows]
    if (jumping := _jumping(losses)) and rows[-1]["learning_rate"] is not None:
        yield jumping
    elif fitting.origin is None and not shows_learning and (flat := _flat(losses)):
        yield flat
    predictor = Predictor(trainer.model, trainer.normalization, keep_hidden=True)
    yield from _dead_layers(trainer.model.layers, predictor, splits.train)
    if weak:
        yield weak
    if overfitted := _overfitted(rows):
        yield overfitted


def _jumping(losses: Sequence[float]) -> Hint | None:
    """Whether the jumps of the loss add up to more than the first loss."""
    first = losses[0]
    steps = (after - before for before, after in pairwise(losses))
    jumps = [step for step in steps if step > JUMP * abs(first)]
    if first <= 0 or sum(jumps) < first:
        return None
    return Hint(
        "learning_rate_too_high",
        f"train_loss rose in {len(jumps)} of {len(losses)} epochs, by {sum(jumps):.4g} in all; in "
        f"epoch 1 it was {first:.4g}",
        "Try a tenth of the learning_rate, or a schedule with warmup.",
    )


def _flat(losses: Sequence[float]) -> Hint | None:
    first, lowest = losses[0], min(losses)
    if len(losses) < FLAT_EPOCHS or first - lowest >= FLAT_FALL * abs(first):
        return None
    return Hint(
        "loss_flat",
        f"train_loss fell by {(first - lowest) / (abs(first) or 1):.1%} in {len(losses)} epochs, "
        f"from {first:.4g} to {lowest:.4g}",
        "Try ten times the learning_rate, and check the targets and data.normalize.",
    )


def _dead_layers(
    layers: Sequence[PlacedLayer], predictor: Predictor, train: Dataset
) -> Iterator[Hint]:
    """A hint on the layer with most ReLU units that are 0 for all training examples, or as many of
    these as are looked at, spread evenly."""
    alive = {
        each.name: np.zeros(each.outputs, np.bool_)
        for each in layers
        if isinstance(each.layer, Dense) and isinstance(each.layer.activation, ReLU)
    }
    if not alive:
        return
    count = min(len(train), MOST_EXAMPLES)
    chosen = train.rows[np.linspace(0, len(train) - 1, count).astype(np.int64)]
    for batch in predictor.run(train.inputs, chosen):
        size = batch.place.stop - batch.place.start
        for name in alive:
            alive[name] |= np.any(predictor.hidden(name)[:size] > 0, axis=0)
    worst = min(alive, key=lambda name: alive[name].mean())
    dead = int((~alive[worst]).sum())
    if dead >= DEAD_SHARE * alive[worst].size:
        yield Hint(
            "dead_units",
            f"{dead:,} of the {alive[worst].size:,} units of {worst} are 0 for "
            f"{'all' if count == len(train) else 'each of'} {count:,} training examples",
            "Try a smaller learning_rate, leaky_relu, or fewer units.",
        )


def _has_baseline(name: str, outcome: Outcome) -> bool:
    """Whether there is a constant prediction to compare with."""
    return outcome.baseline(name) is not None or "r2" in metric_names(type(outcome))


def _below_baseline(name: str, outcome: Outcome) -> Hint | None:
    """Whether the headline metric `name`, or R², shows no more than a constant prediction would."""
    if outcome.examples < LEAST_EXAMPLES:
        return None
    advice = "Check the targets, and try more epochs, another learning_rate or a larger model."
    baseline, interval = outcome.baseline(name), outcome.interval(name)
    if baseline and interval:
        what, share = baseline
        value = value_of(name, outcome)
        if interval[0] > share or value == 1:
            return None
        fact = (
            f"{name} {value:.3f}, with a 95 % interval from {interval[0]:.3f}, is not clearly "
            f"above that of the {what}, {share:.3f}"
        )
        return Hint("majority_not_beaten", fact, advice)
    if "r2" in metric_names(type(outcome)) and (r2 := value_of("r2", outcome)) < LEAST_R2:
        return Hint("mean_not_beaten", f"r2 is {r2:.3f}; always the mean gives 0", advice)
    return None


def _overfitted(rows: Rows) -> Hint | None:
    """Whether the validation loss rose, clearly, while the training loss fell."""
    losses = [row["val_loss"] for row in rows]
    if None in losses:
        return None
    lowest = min(range(len(rows)), key=losses.__getitem__)
    low, last, trained = losses[lowest], losses[-1], rows[-1]["train_loss"]
    rises = last - low > max(OVERFIT_RISE * abs(low), OVERFIT_PART * abs(losses[0]))
    if not rises or trained >= min(low, rows[lowest]["train_loss"]):
        return None
    return Hint(
        "overfitting",
        f"val_loss rose from {low:.4g} in epoch {lowest + 1} to {last:.4g}, while train_loss fell "
        f"from {rows[lowest]['train_loss']:.4g} to {trained:.4g}",
        "Try dropout, weight_decay, a smaller model or more data.",
    )
