"""Cases in which our estimators and scikit-learn's are fitted alike, and how far they differ.

    python tests/estimators/equality.py [N]

compares every Nth of all cases and prints the largest differences.
"""

import sys
import warnings
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import sklearn.neural_network
from scipy.sparse import csr_matrix
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning

import mlptrain.sklearn

SETS = ("digits", "breast_cancer", "iris", "wine", "labels", "diabetes", "linnerud")
REGRESSION = ("diabetes", "linnerud")
ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
SOLVERS: tuple[dict[str, Any], ...] = (
    {"solver": "adam"},
    {"solver": "sgd", "learning_rate": "constant", "momentum": 0.0},
    {"solver": "sgd", "learning_rate": "invscaling", "nesterovs_momentum": False},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
    {"solver": "lbfgs"},
)
STOPPING: tuple[dict[str, Any], ...] = (
    {},
    {"early_stopping": True, "validation_fraction": 0.25, "n_iter_no_change": 3},
)
WAYS = ("fit", "unshuffled", "partial_fit", "warm_start")
PRECISIONS = ("float64", "float32")
ATTRIBUTES = ("loss_curve_", "validation_scores_", "loss_", "best_validation_score_", "best_loss_")


@dataclass(frozen=True)
class Case:
    """One way to fit both estimators."""

    data: str
    solver: int
    activation: str
    stops_early: bool
    way: str
    sparse: bool
    weighted: bool
    precision: str

    def __str__(self) -> str:
        marks = [self.data, *map(str, SOLVERS[self.solver].values()), self.activation, self.way]
        flags = ("stops_early", "sparse", "weighted")
        return "-".join([*marks, *(flag for flag in flags if getattr(self, flag)), self.precision])

    def settings(self) -> dict[str, Any]:
        """The parameters of the estimators."""
        rate = {"adam": 3e-3, "sgd": 0.05}.get(SOLVERS[self.solver]["solver"], 1.0)
        return {
            "hidden_layer_sizes": (13, 7),
            "activation": self.activation,
            "alpha": 0.01,
            "batch_size": 32,
            "learning_rate_init": rate,
            "max_iter": 12,
            "random_state": 3,
            "shuffle": self.way != "unshuffled",
            "warm_start": self.way == "warm_start",
            **STOPPING[self.stops_early],
            **SOLVERS[self.solver],
        }


def every_case() -> Iterator[Case]:
    """All combinations that scikit-learn allows."""
    flags = (False, True)
    sides = product(SETS, range(len(SOLVERS)), ACTIVATIONS, flags, WAYS, flags, flags, PRECISIONS)
    for case in (Case(*each) for each in sides):
        is_full_batch = SOLVERS[case.solver]["solver"] == "lbfgs"
        if case.way == "partial_fit" and (is_full_batch or case.stops_early):
            continue
        if is_full_batch and (case.stops_early or case.way == "unshuffled"):
            continue
        yield case


@cache
def data_of(name: str) -> tuple[np.ndarray, np.ndarray]:
    """A data set with standardized features; targets of a regression are standardized, too."""
    if name == "labels":
        x, y = datasets.make_multilabel_classification(150, 12, random_state=0)
    else:
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    x, y = x[:400], y[:400]
    x = (x - x.mean(axis=0)) / np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    if name in REGRESSION:
        y = (y - y.mean(axis=0)) / y.std(axis=0)
    return x, y


def fitted(estimator: Any, case: Case) -> Any:
    """`estimator` fitted as `case` says; its outputs for the data are the attribute `outputs`."""
    x, y = data_of(case.data)
    x = x.astype(case.precision)
    given: Any = csr_matrix(x) if case.sparse else x
    weights = np.linspace(0.2, 2, len(x)) if case.weighted else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "Got `batch_size` less than 1")
        if case.way == "partial_fit":
            classes = {} if case.data in REGRESSION else {"classes": _classes(y)}
            for _ in range(4):
                estimator.partial_fit(given, y, sample_weight=weights, **classes)
        else:
            for _ in range(2 if case.way == "warm_start" else 1):
                estimator.fit(given, y, sample_weight=weights)
    predict = "predict" if case.data in REGRESSION else "predict_proba"
    estimator.outputs = getattr(estimator, predict)(given)
    return estimator


def _classes(y: np.ndarray) -> np.ndarray:
    return np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)


def difference(case: Case) -> float:
    """The largest difference between the losses, scores and outputs of our estimator and
    scikit-learn's; inf if they made another number of epochs, or only one of them diverged."""
    kind = "MLPRegressor" if case.data in REGRESSION else "MLPClassifier"
    libraries: tuple[Any, Any] = (mlptrain.sklearn, sklearn.neural_network)
    ours, theirs = (_fitted_or_not(getattr(each, kind), case) for each in libraries)
    if ours is None or theirs is None:
        return 0.0 if ours is theirs else np.inf
    if ours.n_iter_ != theirs.n_iter_ or ours.t_ != theirs.t_:
        return np.inf
    return max(_apart(ours, theirs, name) for name in ("outputs", *ATTRIBUTES))


def _fitted_or_not(kind: type[Any], case: Case) -> Any:
    """A fitted estimator; None if its weights became NaN or Inf."""
    try:
        return fitted(kind(**case.settings()), case)
    except ValueError as error:
        if "non-finite parameter weights" in str(error):
            return None
        raise


def _apart(ours: Any, theirs: Any, name: str) -> float:
    one, other = (getattr(each, name, None) for each in (ours, theirs))
    if one is None or other is None:
        return 0.0 if one is other else np.inf
    if np.shape(one) != np.shape(other):
        return np.inf
    return float(np.abs(np.subtract(one, other)).max(initial=0))


def main() -> None:
    """Print the number of cases and the largest difference for each solver and precision."""
    every = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    apart: dict[tuple[str, str], list[float]] = defaultdict(list)
    for case in list(every_case())[::every]:
        apart[case.precision, SOLVERS[case.solver]["solver"]].append(difference(case))
    for (precision, solver), differences in sorted(apart.items()):
        print(
            f"{precision} {solver}: {len(differences)} cases, largest difference "
            f"{max(differences):.1e}, median {np.median(differences):.1e}"
        )


if __name__ == "__main__":
    main()
