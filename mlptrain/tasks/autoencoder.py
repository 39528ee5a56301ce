"""The image itself as the target."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from mlptrain.data.read_dataset import TargetReader
from mlptrain.data.sources.source import Content
from mlptrain.data.targets import InputTargets
from mlptrain.functions.activations import Sigmoid
from mlptrain.nn.model import Head
from mlptrain.tasks.outcomes.numbers import PictureOutcome
from mlptrain.tasks.task import Answer, Array, Judged, OutcomeKind, TargetSpec, Task, tasks


@dataclass(frozen=True)
class Images(TargetReader):
    """No targets besides the images."""

    columns: tuple[str, ...] = ()
    images_only: ClassVar[bool] = True

    def read(self, content: Content, rows: NDArray[np.int64], place: str) -> InputTargets:
        return InputTargets(np.empty((len(rows), 0), np.float32), ())


@tasks.register
class Autoencoder(Task):
    """Reproduce the image: pixels in [0, 1] are both input and target, with a narrow layer in
    between (Hinton & Salakhutdinov, 2006)."""

    type: Literal["autoencoder"] = "autoencoder"
    loss: ClassVar[str] = "mean_squared_error"
    headline: ClassVar[str] = "mse"
    noun: ClassVar[str] = ""
    kind: ClassVar[OutcomeKind] = PictureOutcome
    gives_pictures: ClassVar[bool] = True
    error_name: ClassVar[str] = "mse"

    def reader(
        self,
        class_names: tuple[str, ...] | None,
        known: TargetSpec | None = None,
        *,
        partial: bool = False,
        of_counts: bool = False,
    ) -> Images:
        return Images()

    def head(self, shape: tuple[int, ...], names: Sequence[str]) -> Head:
        return Head(math.prod(shape), Sigmoid(), by_index=False)

    def fits(self, spec: TargetSpec, *, images: bool) -> bool:
        return images and spec == TargetSpec(names=())

    def outcome(self, spec: TargetSpec, *, keep_scores: bool) -> PictureOutcome:
        return PictureOutcome()

    def prediction_shape(self, shape: tuple[int, ...], names: Sequence[str]) -> tuple[int, ...]:
        return shape

    def fields(self, spec: TargetSpec, ranks: int) -> tuple[str, ...]:
        return ("mse",)

    def answers(
        self, predictions: Array, inputs: Array, spec: TargetSpec, ranks: int
    ) -> Sequence[Answer]:
        pixels = inputs.reshape(predictions.shape).astype(predictions.dtype)
        pixels *= predictions.dtype.type(1 / 255)  # rounded as in a batch of targets
        errors = _squared_errors(predictions, pixels).tolist()
        pictures = np.rint(predictions * 255).astype(np.uint8).reshape(inputs.shape)
        return [
            Answer((f"mse {error:.6f}",), (error,), {"mse": error}, picture)
            for error, picture in zip(errors, pictures, strict=True)
        ]

    def target_fields(self, spec: TargetSpec) -> tuple[str, ...]:
        return ()

    def truths(self, targets: Array, inputs: Array, spec: TargetSpec) -> Sequence[Answer]:
        return [Answer((), (), {}, picture) for picture in inputs]

    def judge(self, predictions: Array, targets: Array, spec: TargetSpec) -> Judged:
        """The mean squared error of an example's pixels, in [0, 1]."""
        return Judged(_squared_errors(predictions, targets).astype(np.float64), None)


def _squared_errors(predictions: Array, pixels: Array) -> Array:
    """(m,) the mean squared error of each example; both (m, pixels)."""
    return np.asarray(((predictions - pixels) ** 2).mean(axis=1))
