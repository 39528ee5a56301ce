"""Regression and autoencoders: predicted numbers beside true ones."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.outcomes.outcome import Kept, Outcome


class NumberOutcome(Outcome):
    """Predictions of k numbers per example; all of them are kept.

    `add` takes predictions (m, k) and targets (m, k), in the units of the data."""

    task: ClassVar[str] = "regression"
    part: ClassVar[str] = "output"

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__(names)
        self._kept = Kept()

    def _count(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None:
        self._kept.add(outputs, targets)

    @property
    def predictions(self) -> NDArray[Any]:
        """(n, k) the predictions."""
        return self._kept.joined()[0]

    @property
    def targets(self) -> NDArray[Any]:
        """(n, k) the targets."""
        return self._kept.joined()[1]

    def errors(self) -> NDArray[np.float64]:
        """(n, k) prediction - target."""
        return np.asarray(np.subtract(self.predictions, self.targets, dtype=np.float64))


class PictureOutcome(Outcome):
    """Predictions of pictures with values in [0, 1]. Only sums are kept, so memory does not grow
    with the number of pictures.

    `add` takes predictions and targets (m, …).

    Attributes:
        values: how many values were compared.
        squared_error, absolute_error: sums over all values.
    """

    task: ClassVar[str] = "autoencoder"

    def __init__(self) -> None:
        super().__init__()
        self.values = 0
        self.squared_error = self.absolute_error = 0.0

    def _count(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None:
        errors = np.subtract(outputs, targets, dtype=np.float64).reshape(-1)
        self.values += errors.size
        self.squared_error += float(errors @ errors)
        self.absolute_error += float(np.abs(errors, out=errors).sum())
