"""What a task defines: its targets, output layer, loss, metrics, and predictions."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.data.read_dataset import TargetReader
from mlptrain.data.targets import Targets
from mlptrain.nn.model import Head
from mlptrain.registry import Definition, Registry
from mlptrain.tasks.outcomes.outcome import Outcome

Array = NDArray[Any]
OutcomeKind = type[Outcome]
Positive = Annotated[float, Field(gt=0)]


class TargetSpec(Definition):
    """What a model keeps of the training targets: the names of the classes, labels or numbers; for
    numbers their means and standard deviations; for masks the values that stand for the classes."""

    names: tuple[str, ...]
    values: tuple[Annotated[int, Field(ge=0, le=255)], ...] = ()
    mean: tuple[float, ...] = ()
    std: tuple[Positive, ...] = ()


@dataclass(frozen=True)
class Answer:
    """The prediction for one example, ready to print.

    Attributes:
        cells: columns of the table for people.
        values: CSV values, one per name in `Task.fields`.
        record: the JSON object; it holds more than `values`.
        picture: (H, W) or (H, W, C) uint8, if the prediction is an image.
        palette: (n, 3) uint8, the colours of the values 0 to n - 1, if these stand for classes.
    """

    cells: tuple[str, ...]
    values: tuple[str | float, ...]
    record: dict[str, Any]
    picture: NDArray[np.uint8] | None = None
    palette: NDArray[np.uint8] | None = None


class Judged(NamedTuple):
    """How wrong the predictions for m examples are.

    Attributes:
        errors: (m,) ≥ 0; the larger, the worse.
        wrong: (m,) bool; None if the task has no right and wrong predictions.
    """

    errors: NDArray[np.float64]
    wrong: NDArray[np.bool_] | None


class Task(Definition):
    """What the network learns.

    Class attributes:
        loss: the default loss.
        headline: the metric shown after every epoch.
        noun: what the target names stand for.
        gives_pictures: whether its predictions are images.
        gives_probabilities: whether its predictions are one probability per target name.
        error_name: what the errors of `judge` measure; "" if predictions are right or wrong.
        ranks_classes: whether its answers can name several classes, the most probable first.
        kind: the outcome class.
        train_metrics: the metrics computed during the training steps.
    """

    type: str
    loss: ClassVar[str]
    headline: ClassVar[str]
    noun: ClassVar[str]
    gives_pictures: ClassVar[bool] = False
    gives_probabilities: ClassVar[bool] = False
    error_name: ClassVar[str] = ""
    ranks_classes: ClassVar[bool] = False
    kind: ClassVar[OutcomeKind]
    train_metrics: ClassVar[tuple[str, ...]] = ("train_loss",)

    @abstractmethod
    def reader(
        self,
        class_names: tuple[str, ...] | None,
        known: TargetSpec | None = None,
        *,
        partial: bool = False,
        of_counts: bool = False,
    ) -> TargetReader:
        """The reader of the targets. `class_names`: from data.class_names. `known`: what the
        training set defined; None if this is it. `partial`: whether classes may be missing.
        `of_counts`: whether numbers are counts or rates, see `Loss`."""

    def spec(self, targets: Targets) -> TargetSpec:
        """What a model keeps of the training `targets`."""
        return TargetSpec(names=targets.names)

    @abstractmethod
    def head(self, shape: tuple[int, ...], names: Sequence[str]) -> Head:
        """The output layer for inputs of `shape` and targets with `names`."""

    def fits(self, spec: TargetSpec, *, images: bool) -> bool:
        """Whether a model for this task can have `spec`, with `images` or numbers as inputs."""
        return not (spec.values or spec.mean or spec.std)

    @abstractmethod
    def outcome(self, spec: TargetSpec, *, keep_scores: bool) -> Outcome:
        """An empty outcome for a split; `keep_scores` for metrics that need each example's
        scores."""

    def predictions(self, outputs: Array, spec: TargetSpec) -> Array:
        """The network's outputs (m, units) converted to the units of the targets."""
        return outputs

    def prediction_shape(self, shape: tuple[int, ...], names: Sequence[str]) -> tuple[int, ...]:
        """The shape of the prediction for one example, whose inputs have `shape`."""
        return (len(names),)

    @abstractmethod
    def fields(self, spec: TargetSpec, ranks: int) -> tuple[str, ...]:
        """The names of an answer's `values`."""

    @abstractmethod
    def answers(
        self, predictions: Array, inputs: Array, spec: TargetSpec, ranks: int
    ) -> Sequence[Answer]:
        """The answers for `predictions` (m, …) on `inputs` (m, …), uint8 images or numbers; `ranks`
        is how many classes to list."""

    def target_fields(self, spec: TargetSpec) -> tuple[str, ...]:
        """The names of a truth's `values`: the first of the `fields`, those that targets have."""
        return self.fields(spec, 1)

    @abstractmethod
    def truths(self, targets: Array, inputs: Array, spec: TargetSpec) -> Sequence[Answer]:
        """The `targets` (m, …) of `inputs` (m, …) in the form of answers; `values` are
        those of `target_fields`, and a key of a `record` is the same as in the answer's."""

    @abstractmethod
    def judge(self, predictions: Array, targets: Array, spec: TargetSpec) -> Judged:
        """How wrong `predictions` (m, …) are, given the `targets` (m, …), in an order of the task:
        its subclass says what the errors are."""


tasks: Registry[Task] = Registry("task", Task)
