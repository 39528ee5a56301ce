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
        schedule: how SGD changes it, by scikit-learn's name; "constant" for Adam.
        power_t: the exponent of "invscaling".
        steps: how many steps were made.
        vectors: the optimizer's vectors by name, each with one entry per parameter.
        epochs: what made the last epoch; a pickled estimator is without it.
    """

    optimizer: MiniBatchOptimizer
    learning_rate: float
    schedule: str = "constant"
    power_t: float = 0.5
    steps: int = 0
    vectors: dict[str, Array] = field(default_factory=dict)
    epochs: "Epochs | None" = None

    def __post_init__(self) -> None:
        self._first_rate = self.learning_rate

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "epochs": None}

    def slow_down(self, t: int) -> None:
        """Let an "invscaling" rate be that after `t` examples."""
        if self.schedule == "invscaling":
            self.learning_rate = self._first_rate / (t + 1) ** self.power_t

    @classmethod
    def of(cls, estimator: "Perceptron") -> "Momentum":
        """At rest, with the estimator's parameters, which scikit-learn has checked."""
        rate = float(estimator.learning_rate_init)
        if estimator.solver == "sgd":
            sgd = SGD.model_construct(
                momentum=estimator.momentum,
                nesterov=estimator.nesterovs_momentum and estimator.momentum > 0,
            )
            return cls(sgd, rate, estimator.learning_rate, estimator.power_t)
        adam = PlainEpsilon.model_construct(
            beta_1=estimator.beta_1, beta_2=estimator.beta_2, epsilon=estimator.epsilon
        )
        return cls(adam, rate)


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

    def _made(self, losses: list[float]) -> int:
        return len(losses)
