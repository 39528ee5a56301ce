"""Epochs of mini-batch steps by SGD or Adam, and what lasts from one to the next."""

import math
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlptrain.config.schema import TrainingConfig
from mlptrain.nn.model import Model
from mlptrain.optim.optimizers import SGD, Adam, MiniBatchOptimizer
from mlptrain.sklearn.examples import Examples
from mlptrain.training.checkpoint import Progress
from mlptrain.training.descent import MiniBatchDescent

if TYPE_CHECKING:
    from mlptrain.sklearn.estimator import Perceptron

Array = NDArray[Any]


class PlainEpsilon(Adam):
    """Adam that adds ε to √v instead of √v̂ (Kingma & Ba, 2015, the remark at the end of section
    2)."""

    def coefficients(self, rate: float, step: int) -> tuple[float, ...]:
        beta_1, beta_2, _, size = super().coefficients(rate, step)
        return beta_1, beta_2, self.epsilon / math.sqrt(1 - self.beta_2), size


@dataclass
class Momentum:
    """An optimizer, and what it keeps from epoch to epoch and from one `partial_fit` to the next.

    Attributes:
        optimizer: the update rule.
        learning_rate: that of the next epoch.
        steps: how many steps were made.
        vectors: the optimizer's vectors by name, each with one entry per parameter.
        epochs: what made the last epoch; a pickled estimator is without it.
    """

    optimizer: MiniBatchOptimizer
    learning_rate: float
    steps: int = 0
    vectors: dict[str, Array] = field(default_factory=dict)
    epochs: "Epochs | None" = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "epochs": None}

    @classmethod
    def of(cls, estimator: "Perceptron") -> "Momentum":
        """At rest, with the estimator's parameters, which scikit-learn has checked."""
        optimizer: MiniBatchOptimizer
        if estimator.solver == "sgd":
            optimizer = SGD.model_construct(
                momentum=estimator.momentum,
                nesterov=estimator.nesterovs_momentum and estimator.momentum > 0,
            )
        else:
            optimizer = PlainEpsilon.model_construct(
                beta_1=estimator.beta_1, beta_2=estimator.beta_2, epsilon=estimator.epsilon
            )
        return cls(optimizer, float(estimator.learning_rate_init))


class Epochs(MiniBatchDescent):
    """Epochs in a given order, at the learning rate of `momentum`.

    Attributes:
        model: the network.
        examples: the training examples.
        key: what it was made for.
    """

    def __init__(
        self,
        model: Model,
        examples: Examples,
        momentum: Momentum,
        *,
        batch_size: int,
        l2: float,
        key: Hashable,
    ) -> None:
        training = TrainingConfig.model_construct(
            optimizer=momentum.optimizer, batch_size=batch_size, l2=l2
        )
        super().__init__(momentum.optimizer, training, model, examples, seed=0)
        for name, vector in momentum.vectors.items():
            self.vectors[name][...] = vector
        momentum.vectors = self.vectors
        self.model, self.examples, self.key = model, examples, key
        self._momentum = momentum
        self._next = np.arange(len(examples))

    def run(self, order: NDArray[np.int64]) -> float:
        """Make an epoch in `order` (n,). Returns the mean loss."""
        self._next = order
        progress = Progress(step=self._momentum.steps)
        for _ in self.steps(progress):
            self._momentum.steps = progress.step
        return progress.epoch_loss / len(order)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        return self._next

    def learning_rate(self, progress: Progress, step: int) -> float:
        return self._momentum.learning_rate
