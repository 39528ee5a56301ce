"""Fitting mlptrain's estimators and scikit-learn's, as a user would: whole calls of `fit`.

Both get X in float64; mlptrain computes once in float64, as scikit-learn does, and once with
precision="float32". Then a grid search with 12 settings, on one and on two worker processes.
"""

import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import sklearn.neural_network
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

import mlptrain.sklearn
from benchmarks import fashion_mnist
from benchmarks.options import Options
from benchmarks.report import Table
from benchmarks.rounds import in_turn
from benchmarks.spread import ratios, times

EPOCHS = {"digits": 50, "breast cancer": 100, "Fashion-MNIST": 5, "100,000 × 100": 5}
SOLVERS = ("adam", "sgd", "lbfgs")
THEIRS = "scikit-learn"
OURS: dict[str, dict[str, str]] = {"float64": {}, "float32": {"precision": "float32"}}
GRID = {"alpha": [1e-5, 1e-4, 1e-3, 1e-2], "hidden_layer_sizes": [(50,), (100,), (50, 50)]}


def measure(options: Options) -> dict[str, Any]:
    """The seconds of each fit and of the grid searches, in each round."""
    fits = []
    for name, epochs in EPOCHS.items():
        x, y = data(name, options)
        for solver in SOLVERS:
            settings = {
                "solver": solver,
                "max_iter": 1 if options.quick else epochs,
                "random_state": 0,
            }
            turns: dict[str, Callable[[], float]] = {
                THEIRS: partial(seconds, sklearn.neural_network.MLPClassifier, settings, x, y)
            }
            for ours, more in OURS.items():
                turns[ours] = partial(
                    seconds, mlptrain.sklearn.MLPClassifier, settings | more, x, y
                )
            fits.append({"data": name, "solver": solver, **in_turn(turns, options.rounds)})
    searches = {f"n_jobs={jobs}": partial(search_seconds, jobs, options) for jobs in (1, 2)}
    return {"fits": fits, "search": in_turn(searches, min(options.rounds, 3))}


def data(name: str, options: Options) -> tuple[Any, Any]:
    """Features in float64, standardized or in [0, 1], and classes."""
    if name == "digits":
        x, y = datasets.load_digits(return_X_y=True)
        return x / 16, y
    if name == "breast cancer":
        x, y = datasets.load_breast_cancer(return_X_y=True)
        return StandardScaler().fit_transform(x), y
    if name == "Fashion-MNIST":
        pixels, labels = fashion_mnist.load(options.data, "train")
        return pixels.astype(np.float64), labels
    return datasets.make_classification(100_000, 100, n_informative=30, n_classes=5, random_state=0)


def seconds(kind: type[Any], settings: dict[str, Any], x: Any, y: Any) -> float:
    """How long a fit takes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        started = time.perf_counter()
        kind(**settings).fit(x, y)
        return time.perf_counter() - started


def search_seconds(jobs: int, options: Options) -> float:
    """How long a grid search over 12 settings takes on the digits, with 3 folds."""
    x, y = data("digits", options)
    estimator = mlptrain.sklearn.MLPClassifier(max_iter=2 if options.quick else 100, tol=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        started = time.perf_counter()
        GridSearchCV(estimator, GRID, cv=3, n_jobs=jobs).fit(x, y)
        return time.perf_counter() - started


def tables(result: dict[str, Any]) -> list[Table]:
    return [
        Table(
            "Rate of fit, scikit-learn's being 1",
            ["data", "solver", *OURS],
            [
                [
                    record["data"],
                    record["solver"],
                    *(times(ratios(record[THEIRS], record[ours])) for ours in OURS),
                ]
                for record in result["fits"]
            ],
            "X in float64, in which scikit-learn computes.",
        ),
        Table(
            "A grid search over 12 settings",
            ["seconds with n_jobs=1 / with n_jobs=2"],
            [[times(ratios(*(result["search"][f"n_jobs={jobs}"] for jobs in (1, 2))))]],
        ),
    ]
