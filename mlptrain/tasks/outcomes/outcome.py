"""The predictions for a whole split compared with their targets, batch by batch."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlptrain.tasks.figures import Figure


class Outcome(ABC):
    """The accumulated predictions for a split.

    Attributes:
        task: the task's name, for messages.
        part: what `names` names: class, label or output; "" if there are no parts.
        names: the parts' names, in the order of every array with one number per part.
        examples: how many were added.
        keeps_scores: whether it keeps every output, which some metrics need.
    """

    task: ClassVar[str]
    part: ClassVar[str] = ""

    def __init__(self, names: Sequence[str] = (), *, keep_scores: bool = False) -> None:
        self.names = tuple(names)
        self.keeps_scores = keep_scores
        self.examples = 0
        self._loss_sum = 0.0
        self._loss_weight = 0.0

    def add(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None:
        """Add one batch: the network's outputs (m, …) and the targets (m, …), in the form the
        subclass documents. The caller may overwrite both afterwards."""
        for name in list(vars(self)):
            if isinstance(getattr(type(self), name, None), cached_property):
                del self.__dict__[name]
        self._count(outputs, targets)
        self.examples += len(outputs)

    @abstractmethod
    def _count(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None:
        """Add a batch, copying what is kept."""

    def add_loss(self, mean: float, weight: float) -> None:
        """Add the `mean` loss of a batch; `weight` is how much the batch counts in the mean of all,
        the sum of its `Targets.amounts`."""
        self._loss_sum += mean * weight
        self._loss_weight += weight

    def interval(self, metric: str) -> tuple[float, float] | None:
        """The 95 % interval of `metric`, if it is known."""
        return None

    def baseline(self, metric: str) -> tuple[str, float] | None:
        """The name of a prediction that ignores the inputs, and its `metric`, if it is known."""
        return None

    def figures(self) -> tuple[Figure, ...]:
        """What a report draws of it, the most important first."""
        return ()

    @property
    def loss(self) -> float:
        """The mean loss per example; NaN if no batch was added."""
        return self._loss_sum / self._loss_weight if self._loss_weight else math.nan


class Kept:
    """Batches of outputs and of targets, copied, and joined when they are read."""

    def __init__(self) -> None:
        self._batches: list[tuple[NDArray[Any], NDArray[Any]]] = []

    def add(self, outputs: NDArray[Any], targets: NDArray[Any]) -> None:
        """Keep copies of both."""
        self._batches.append((outputs.copy(), targets.copy()))

    def joined(self) -> tuple[NDArray[Any], NDArray[Any]]:
        """All outputs and all targets. Raises ValueError if there are none."""
        if len(self._batches) != 1:
            outputs, targets = zip(*self._batches, strict=True)
            self._batches = [(np.concatenate(outputs), np.concatenate(targets))]
        return self._batches[0]
