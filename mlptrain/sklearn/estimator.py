"""What both estimators share: their parameters, how they are fitted, and the forward pass."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlptrain.backend.choice import choose_backend
from mlptrain.functions.activations import Activation, Identity, ReLU, Sigmoid, Softmax, Tanh
from mlptrain.functions.losses import Loss
from mlptrain.nn.layers import Dense
from mlptrain.nn.model import Head, Model
from mlptrain.sklearn.full_batch import fit_full_batch
from mlptrain.sklearn.mini_batch import fit_mini_batches

Array = NDArray[Any]
Random = np.random.RandomState

ACTIVATIONS: dict[str, Activation] = {
    "identity": Identity(),
    "logistic": Sigmoid(),
    "tanh": Tanh(),
    "relu": ReLU(),
}
SOFTMAX = Softmax()


def _apply(name: str, y: Array) -> None:
    """Apply an activation to y (n, units) in place, by its rule."""
    if name == "softmax":
        SOFTMAX.forward(np, y, y, row=np.empty((len(y), 1), y.dtype))
    elif name == "exp":
        np.exp(y, out=y)
    elif name != "identity":
        ACTIVATIONS[name].forward(np, y, y)


@dataclass(eq=False, repr=False, kw_only=True)
class Perceptron(BaseEstimator, ABC):
    """A multi-layer perceptron with scikit-learn's parameters (see
    `sklearn.neural_network.MLPClassifier`), and one more:

    precision: "float32" or "float64", the type of the computation; None: that of the first X.
        float32 is faster and equals scikit-learn's results for X in float32.
    """

    solver: str = "adam"
    alpha: float = 0.0001
    batch_size: int | Literal["auto"] = "auto"
    learning_rate: str = "constant"
    learning_rate_init: float = 0.001
    power_t: float = 0.5
    max_iter: int = 200
    shuffle: bool = True
    random_state: int | Random | None = None
    tol: float = 1e-4
    verbose: bool | int = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: float = 10
    max_fun: int = 15000
    precision: Literal["float32", "float64"] | None = None

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(ACTIVATIONS))],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "precision": [StrOptions({"float32", "float64"}), None],
    }

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Fit to X (n, features), an array or a sparse matrix, and y (n,) or (n, outputs), with the
        weights sample_weight (n,), by default 1."""
        return self._fit(X, y, sample_weight, incremental=False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Self:
        hidden = np.atleast_1d(self.hidden_layer_sizes).tolist()
        if any(size <= 0 for size in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = self._validate(X, y, incremental=incremental, reset=first)
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X)
        y = (y.toarray() if issparse(y) else y).reshape(X.shape[0], -1)
        sizes = X.shape[1], y.shape[1]
        random = check_random_state(self.random_state)
        if first:
            self._initialize([sizes[0], *hidden, sizes[1]], X.dtype, random)
        self._require_sizes(*sizes)
        self.n_outputs_ = y.shape[1]
        if self.solver == "lbfgs":
            fit_full_batch(self, X, y, sample_weight)
        else:
            how = {"incremental": incremental, "first": first}
            fit_mini_batches(self, X, y, sample_weight, random, **how)
        if not all(np.isfinite(each).all() for each in (*self.coefs_, *self.intercepts_)):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed."
            )
        return self

    def _require_sizes(self, inputs: int, outputs: int) -> None:
        """Raise ValueError unless the network has as many inputs and outputs."""
        sizes = self.coefs_[0].shape[0], self.coefs_[-1].shape[1]
        if sizes != (inputs, outputs):
            raise ValueError(
                f"X has {inputs} features and y {outputs} outputs, but this "
                f"{type(self).__name__} was fitted to {sizes[0]} and {sizes[1]}. Fit it anew, "
                "without warm_start."
            )

    @abstractmethod
    def _validate(self, X: Any, y: Any, *, incremental: bool, reset: bool) -> tuple[Any, Array]:
        """X and y checked, y as the network's targets (n,) or (n, outputs). `reset`: nothing that
        an earlier fit learned is kept."""

    @property
    @abstractmethod
    def _output(self) -> str:
        """The activation of the output layer, by scikit-learn's name."""

    @abstractmethod
    def _loss(self) -> Loss:
        """The loss that belongs to the output layer."""

    @abstractmethod
    def _targets(self, y: Array) -> Array:
        """What the network learns from y (n, outputs): class indices (n,) or y."""

    @abstractmethod
    def _score(self, X: Any, y: Array, sample_weight: Array | None) -> float:
        """The score on validated data that early stopping compares."""

    def _checked(self, X: Any, y: Any, **how: Any) -> Any:
        """X and y validated as scikit-learn does; X in the precision of the computation."""
        dtype = np.dtype(self.precision) if self.precision else (np.float64, np.float32)
        sparse = ["csr", "csc"]
        return validate_data(
            self, X, y, accept_sparse=sparse, multi_output=True, dtype=dtype, **how
        )

    def _initialize(self, units: list[int], dtype: Any, random: Random) -> None:
        """Draw the weights, from uniform distributions, and forget the past."""
        self.n_iter_ = 0
        self.t_ = 0
        self.n_layers_ = len(units)
        self.out_activation_ = self._output
        self.coefs_: list[Array] = []
        self.intercepts_: list[Array] = []
        variance = 2.0 if self.activation == "logistic" else 6.0
        for inputs, outputs in pairwise(units):
            bound = math.sqrt(variance / (inputs + outputs))
            for arrays, shape in ((self.coefs_, (inputs, outputs)), (self.intercepts_, outputs)):
                arrays.append(random.uniform(-bound, bound, shape).astype(dtype, copy=False))
        if self.solver != "lbfgs":
            self.loss_curve_: list[float] = []
            self._no_improvement_count = 0
            self.best_loss_: Any = None if self.early_stopping else np.inf
            self.validation_scores_: Any = [] if self.early_stopping else None
            self.best_validation_score_: Any = -np.inf if self.early_stopping else None

    def _model(self) -> Model:
        """The network, with the current weights in memory of its own. It computes in `precision`,
        by default in the weights' type: that of the first X, or float64 after lbfgs."""
        dtype = self.precision or np.result_type(*self.coefs_)
        activation = ACTIVATIONS[self.activation]
        sizes = [int(coef.shape[1]) for coef in self.coefs_]
        hidden = [Dense(units=size, activation=activation) for size in sizes[:-1]]
        head = Head(sizes[-1], Identity(), by_index=self.out_activation_ == "softmax")
        inputs = int(self.coefs_[0].shape[0])
        model = Model(hidden, inputs, head, self._loss(), dtype, choose_backend())
        model.arena.values[...] = self._flat()
        return model

    def _flat(self) -> Array:
        """The weights and biases in one vector (n,), in the arena's order."""
        return np.concatenate([np.ravel(each) for each in (*self.coefs_, *self.intercepts_)])

    def _take(self, model: Model, values: Array | None = None) -> None:
        """Let `coefs_` and `intercepts_` be views of `values` (n,), by default of the model's."""
        arrays = list(model.arena.by_name(values).values())  # first the matrices, then the biases
        self.coefs_, self.intercepts_ = arrays[: len(arrays) // 2], arrays[len(arrays) // 2 :]

    def _forward(self, X: Any) -> Array:
        """The outputs (n, n_outputs_) for X. By the plain rules, because several threads may
        predict with one estimator."""
        y: Array = X
        last = len(self.coefs_) - 1
        for layer, (w, b) in enumerate(zip(self.coefs_, self.intercepts_, strict=True)):
            y = y @ w
            np.add(y, b, out=y)
            name = self.activation if layer < last else self.out_activation_
            with np.errstate(over="ignore"):  # in a sigmoid, e⁻ˣ = Inf gives the right 0
                _apply(name, y)
        return y

    def _predicted(self, X: Any) -> Array:
        """The outputs for X, which is validated first."""
        check_is_fitted(self)
        dtype = self.precision or "numeric"
        sparse = ["csr", "csc"]
        return self._forward(validate_data(self, X, accept_sparse=sparse, reset=False, dtype=dtype))

    def _is_stochastic(self) -> bool:
        if self.solver == "lbfgs":
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
            )
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
