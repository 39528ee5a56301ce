"""Fitting by L-BFGS: SciPy's L-BFGS-B on the loss of all examples, which the engine evaluates."""

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from mlptrain.config.schema import TrainingConfig
from mlptrain.data.batches import Batches
from mlptrain.nn.model import Model
from mlptrain.optim.lbfgs import LBFGS
from mlptrain.sklearn.examples import Examples
from mlptrain.sklearn.threads import engine_threads
from mlptrain.training.full_batch import FullBatchDescent

if TYPE_CHECKING:
    from mlptrain.sklearn.estimator import Perceptron

Array = NDArray[Any]


class FullLoss(FullBatchDescent):
    """The loss of all examples as a function of the parameters."""

    def __init__(self, model: Model, batches: Batches, *, l2: float) -> None:
        optimizer = LBFGS.model_construct(history=0)  # SciPy's has memory of its own
        training = TrainingConfig.model_construct(optimizer=optimizer, l2=l2)
        super().__init__(optimizer, training, model, batches, seed=0)

    def __call__(self, values: Array) -> tuple[float, NDArray[np.float64]]:
        """The loss at the parameters `values` (n,), and its gradient (n,)."""
        self._model.arena.values[...] = values
        with self._model.arena.backend.quiet():
            loss = self._evaluate()
        return loss, self._gradient.astype(np.float64)


def fit_full_batch(estimator: "Perceptron", X: Any, y: Array, weights: Array | None) -> None:
    """Fit `estimator` to X, y (n, outputs) and the examples' weights (n,); None: 1."""
    model = estimator._model()
    with engine_threads() as threads:
        model.arena.backend.use_threads(threads)
        examples = Examples(X, estimator._targets(y), weights, model.arena)
        result = scipy.optimize.minimize(
            FullLoss(model, examples, l2=estimator.alpha),
            model.arena.values.copy(),  # SciPy evaluates at parameters of this type
            method="L-BFGS-B",
            jac=True,
            options={
                "maxfun": estimator.max_fun,
                "maxiter": estimator.max_iter,
                "gtol": estimator.tol,
            },
        )
    estimator.n_iter_ = min(result.nit, estimator.max_iter)
    estimator.loss_ = result.fun
    estimator._take(model, result.x)
    if result.status != 0:
        warnings.warn(_failure(result, estimator), ConvergenceWarning, stacklevel=2)


def _failure(result: scipy.optimize.OptimizeResult, estimator: "Perceptron") -> str:
    lines = [
        f"lbfgs failed to converge after {estimator.n_iter_} iteration(s) "
        f"(status={result.status}):",
        result.message,
    ]
    if estimator.n_iter_ == estimator.max_iter:
        lines += [
            "",
            "Increase the number of iterations to improve the convergence "
            f"(max_iter={estimator.max_iter}).",
        ]
    return "\n".join([*lines, "", "Scaling the data might help, too; see StandardScaler."])
