"""Regression and autoencoders: predicted numbers beside true ones."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.figures import Figure, Histogram, Scatter
from mlptrain.tasks.outcomes.outcome import Kept, Outcome
from mlptrain.text import show_name

_MOST_DRAWN = 6  # outputs
_BINS = 25


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

    def figures(self) -> tuple[Figure, ...]:
        """For each of the first outputs, predicted over true numbers and their differences."""
        errors, drawn = self.errors(), list[Figure]()
        for index, name in enumerate(map(show_name, self.names[:_MOST_DRAWN])):
            own, largest = errors[:, index], float(np.abs(errors[:, index]).max()) or 1.0
            edges = np.linspace(-largest, largest, _BINS + 1)
            groups = (("examples", np.histogram(own, edges)[0]),)
            true, predicted = self.targets[:, index], self.predictions[:, index]
            drawn.append(Scatter(f"{name}, predicted and true", true, predicted))
            drawn.append(Histogram(f"Errors of {name}", "predicted - true", edges, groups, 0.0))
        return tuple(drawn)


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
