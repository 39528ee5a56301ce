"""`MLPRegressor`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin, _fit_context
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from mlptrain.functions.losses import Loss, Poisson
from mlptrain.sklearn.estimator import Perceptron
from mlptrain.sklearn.losses import SquaredError

Array = NDArray[Any]


@dataclass(eq=False, repr=False)
class MLPRegressor(RegressorMixin, Perceptron):
    """A regressor with the parameters of `sklearn.neural_network.MLPRegressor`, which documents
    them, its attributes and its numbers; and with `precision`, see `Perceptron`.

    y (n,) holds a number per example, or y (n, outputs) several.
    """

    loss: str = "squared_error"
    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: str = "relu"

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        **Perceptron._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    @available_if(Perceptron._is_stochastic)
    @_fit_context(prefer_skip_nested_validation=True)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Make one epoch on X (n, features), y and sample_weight (n,)."""
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Any) -> Array:
        """The numbers (n,), or (n, outputs), for X (n, features)."""
        return self._decided(self._predicted(X))

    def _validate(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Array]:
        X, y = self._checked(X, y, reset=reset, y_numeric=True)
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError(f"loss='poisson' needs y >= 0, got {y.min()}.")
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    @property
    def _output(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _loss(self) -> Loss:
        return Poisson() if self.loss == "poisson" else SquaredError()

    def _targets(self, y: Array) -> Array:
        return y

    def _decided(self, outputs: Array) -> Array:
        return outputs.ravel() if outputs.shape[1] == 1 else outputs

    def _score(self, X: Any, y: Array, sample_weight: Array | None) -> float:
        found = self._decided(self._forward(X))
        if not np.isfinite(found).all():
            return np.nan
        return float(r2_score(y, found, sample_weight=sample_weight))
