"""What a task is: which targets, which output and loss, which measures, what a prediction says."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.read_dataset import TargetReader
from mlptrain.data.targets import Targets
from mlptrain.nn.model import Head
from mlptrain.registry import Definition, Registry
from mlptrain.tasks.outcomes.outcome import Outcome

Array = NDArray[Any]
OutcomeKind = type[Outcome]
Positive = Annotated[float, Field(gt=0)]


class TargetSpec(Definition):
    """What of the training targets a model keeps: the names of its classes, labels or numbers, and
    of numbers the mean and standard deviation each."""

    names: tuple[str, ...]
    mean: tuple[float, ...] = ()
    std: tuple[Positive, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a model says about one example.

    Attributes:
        cells: of a line for people.
        values: of a line for programs, as many as `Task.fields` has names.
        record: the same and more, for JSON.
        picture: (H, W) or (H, W, C) uint8, where the answer is one.
        palette: (n, 3) uint8, the colours of a picture whose values are classes.
    """

    cells: tuple[str, ...]
    values: tuple[str | float, ...]
    record: dict[str, Any]
    picture: NDArray[np.uint8] | None = None
    palette: NDArray[np.uint8] | None = None


class Task(Definition):
    """What the network is to learn.

    Class attributes:
        loss: the default loss.
        headline: the metric shown after every epoch.
        noun: what its targets' names are names of.
        gives_pictures: whether its answers are pictures.
        kind: of its outcomes.
        train_metrics: what the steps of an epoch measure.
    """

    type: str
    loss: ClassVar[str]
    headline: ClassVar[str]
    noun: ClassVar[str]
    gives_pictures: ClassVar[bool] = False
    kind: ClassVar[OutcomeKind]
    train_metrics: ClassVar[tuple[str, ...]] = ("train_loss",)

    @abstractmethod
    def reader(
        self,
        class_names: tuple[str, ...] | None,
        known: TargetSpec | None = None,
        *,
        partial: bool = False,
    ) -> TargetReader:
        """What reads the targets. `class_names` are those of data.class_names; `known` what the
        training set decided, None if this is it; `partial`: whether classes may be missing."""

    def spec(self, targets: Targets) -> TargetSpec:
        """What a model keeps of the training `targets`."""
        return TargetSpec(names=targets.names)

    @abstractmethod
    def head(self, shape: tuple[int, ...], names: Sequence[str]) -> Head:
        """What the network ends with, for inputs of `shape`, and targets with `names`."""

    @abstractmethod
    def outcome(self, spec: TargetSpec, *, keep_scores: bool) -> Outcome:
        """What a whole split's predictions come to, still empty; `keep_scores` for metrics that
        need the score of each example."""

    def predictions(self, outputs: Array, spec: TargetSpec) -> Array:
        """What the network's outputs (m, units) mean, in the units of the targets."""
        return outputs

    @abstractmethod
    def fields(self, spec: TargetSpec, ranks: int) -> tuple[str, ...]:
        """The names of an answer's `values`."""

    @abstractmethod
    def answers(
        self, predictions: Array, inputs: Array, spec: TargetSpec, ranks: int
    ) -> Sequence[Answer]:
        """What to say of `predictions` (m, …) for `inputs` (m, …), uint8 images or numbers;
        `ranks` is how many classes to name."""


tasks: Registry[Task] = Registry("task", Task)


def pixels(image: ImageSettings | None) -> int:
    """How many pixels each image has."""
    assert image is not None
    height, width, _ = image.shape
    return height * width
