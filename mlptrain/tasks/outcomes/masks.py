"""Segmentation: each pixel is of one class."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.figures import Confusion, Figure
from mlptrain.tasks.outcomes.decisions import ConfusionOutcome


class MaskOutcome(ConfusionOutcome):
    """Predictions of one class per pixel: the confusion matrix of all pixels.

    `add` takes probabilities (m, pixels, classes), or flattened (m, pixels · classes), and class
    indices (m, pixels). Pixels whose target is `ignore_index` do not count. The most probable class
    is predicted; ties go to the first."""

    task: ClassVar[str] = "segmentation"
    part: ClassVar[str] = "class"
    by_pixel: ClassVar[bool] = True

    def __init__(self, class_names: Sequence[str], ignore_index: int | None = None) -> None:
        super().__init__(class_names)
        self.ignore_index = ignore_index
        self.confusion = np.zeros((len(self.names), len(self.names)), np.int64)

    def _count(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None:
        classes = len(self.names)
        predicted = outputs.reshape(-1, classes).argmax(axis=1)
        truth = targets.reshape(-1).astype(np.int64)
        if self.ignore_index is not None:
            counted = truth != self.ignore_index
            predicted, truth = predicted[counted], truth[counted]
        pairs = np.bincount(truth * classes + predicted, minlength=classes * classes)
        self.confusion += pairs.reshape(classes, classes)

    def figures(self) -> tuple[Figure, ...]:
        return (Confusion(self.names, self.confusion, "pixels"),)
