"""Events that the training loop sends to its listeners; only the command line prints."""

from dataclasses import dataclass
from typing import NamedTuple

from mlptrain.tasks.outcomes.outcome import Outcome


class StepsDone(NamedTuple):
    """Training has reached step `step` of `steps` in `epoch` (from 1); `loss` is the mean of the
    epoch so far."""

    epoch: int
    step: int
    steps: int
    loss: float


@dataclass(frozen=True)
class EpochMetrics:
    """One line of metrics.jsonl.

    Attributes:
        values: by name. `train_…` are measured during the epoch's steps, with dropout; `val_…`
            with the weights at its end, None without validation.
        learning_rate: that of the last step, if the optimizer has one.
        seconds, examples_per_second: for the training steps made by this process.
    """

    epoch: int
    step: int
    learning_rate: float | None
    values: dict[str, float | None]
    seconds: float
    examples_per_second: float

    def line(self) -> dict[str, float | None]:
        """All fields in one flat mapping."""
        done = {"epoch": self.epoch, "step": self.step, "learning_rate": self.learning_rate}
        speed = {"seconds": self.seconds, "examples_per_second": self.examples_per_second}
        return {**done, **self.values, **speed}


@dataclass(frozen=True)
class EpochDone:
    """An epoch was finished; `best` if its weights are the best so far. `why_undefined`: why the
    monitored metric has no value; "" if it has one."""

    metrics: EpochMetrics
    best: bool
    why_undefined: str = ""


class Hint(NamedTuple):
    """Something that went wrong in training: its `kind`, the `fact` and the `advice`."""

    kind: str
    fact: str
    advice: str


@dataclass(frozen=True)
class Finished:
    """Training is over.

    Attributes:
        reason: "epochs" (all are done), "early_stopping", "converged", or "optimizer" or
            "schedule", which ended it.
        epoch: how many epochs were run.
        waited: the epochs since the last improvement.
        best_epoch, best_value: the epoch whose weights are kept, and its monitored value; None if
            that is undefined.
        test: the outcome of these weights on the test split, if there is one.
        hints: what the run shows about its training, for a run with a folder.
    """

    reason: str
    epoch: int
    waited: int
    monitor: str
    best_epoch: int
    best_value: float | None
    test: Outcome | None
    hints: tuple[Hint, ...] = ()


Event = StepsDone | EpochDone | Finished
