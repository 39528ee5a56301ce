"""What the loop tells whoever watches; only the command line prints."""

from dataclasses import dataclass
from typing import NamedTuple

from mlptrain.tasks.outcomes.classes import ClassOutcome


class StepsDone(NamedTuple):
    """Some steps were made, up to the `step`-th of `steps` in `epoch` (from 1); `loss` is the mean
    of the epoch so far."""

    epoch: int
    step: int
    steps: int
    loss: float


@dataclass(frozen=True)
class EpochMetrics:
    """One line of metrics.jsonl. Losses and accuracies of training are those of the epoch's steps,
    dropout and all; those of validation are of the weights at its end, None without validation.

    `seconds` and `examples_per_second` are of the training steps this process made."""

    epoch: int
    step: int
    learning_rate: float
    train_loss: float
    train_accuracy: float
    val_loss: float | None
    val_accuracy: float | None
    seconds: float
    examples_per_second: float


@dataclass(frozen=True)
class EpochDone:
    """An epoch was finished; `best` if its weights are the best so far."""

    metrics: EpochMetrics
    best: bool


@dataclass(frozen=True)
class Finished:
    """Training is over.

    Attributes:
        reason: "epochs" (all were made) or "early_stopping".
        epoch: how many epochs were made.
        best_epoch, best_value: whose weights are kept, and its monitored value.
        test: how the kept weights do on the test split, if there is one.
    """

    reason: str
    epoch: int
    monitor: str
    best_epoch: int
    best_value: float
    test: ClassOutcome | None


Event = StepsDone | EpochDone | Finished
