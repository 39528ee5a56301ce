"""What an outcome offers to be drawn: neutral figures, which a report renders without knowing the
task."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Confusion:
    """Which classes are taken for which.

    Attributes:
        names: the classes.
        counts: (classes, classes); row: the true class, column: the predicted one.
        things: what is counted: examples or pixels.
    """

    names: tuple[str, ...]
    counts: NDArray[np.int64]
    things: str


@dataclass(frozen=True)
class Calibration:
    """How often predictions of a given confidence are right. The confidences from 0 to 1 are
    divided into bins of equal width.

    Attributes:
        counts: (bins,) predictions per bin.
        confidences, hits: (bins,) sums over these predictions: of the predicted class's
            probability, and of 1 for each that is right.
    """

    counts: NDArray[np.int64]
    confidences: NDArray[np.float64]
    hits: NDArray[np.float64]


@dataclass(frozen=True)
class Histogram:
    """How a number is distributed.

    Attributes:
        title: what is shown.
        axis: what the number is.
        edges: (bins + 1,) the limits of the bins.
        groups: one or two names of groups of examples, each with the counts (bins,).
        middle: where to draw a line: no error, or the threshold of a decision; None: nowhere.
    """

    title: str
    axis: str
    edges: NDArray[np.float64]
    groups: tuple[tuple[str, NDArray[np.int64]], ...]
    middle: float | None = None


@dataclass(frozen=True)
class Scatter:
    """Predicted numbers over true ones, (n,) each."""

    title: str
    true: NDArray[Any]
    predicted: NDArray[Any]


Figure = Confusion | Calibration | Histogram | Scatter
