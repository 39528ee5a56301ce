"""Fitting by SGD or Adam: epochs of mini-batches until nothing improves, counted as scikit-learn
does."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from mlptrain.sklearn.epochs import Epochs, Momentum
from mlptrain.sklearn.examples import Examples
from mlptrain.sklearn.threads import engine_threads

if TYPE_CHECKING:
    from mlptrain.sklearn.estimator import Perceptron

Array = NDArray[Any]
Score = Callable[[], float]  # of the validation examples, with the current weights
LEAST_RATE = 1e-6  # an adaptive learning rate that has come this low ends the training


def fit_mini_batches(
    estimator: "Perceptron",
    X: Any,
    y: Array,
    weights: Array | None,
    random: np.random.RandomState,
    *,
    incremental: bool,
    first: bool,
) -> None:
    """Fit `estimator` to X, y (n, outputs) and the examples' weights (n,); None: 1.

    Args:
        random: draws the validation split and the order of the examples.
        incremental: make one epoch, with the optimizer of the last one.
        first: whether the weights of the network have just been drawn.
    """
    if not incremental or not hasattr(estimator, "_optimizer"):
        estimator._optimizer = Momentum.of(estimator)
    score = None
    if estimator.early_stopping:
        if incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        X, y, weights, score = _split(estimator, X, y, weights, random)
    with engine_threads() as threads:
        epochs = _epochs(estimator, X, y, weights, threads, incremental=incremental)
        values = epochs.model.arena.values
        best = values.copy() if first else values
        estimator._take(epochs.model)
        try:
            for _ in _descend(estimator, epochs, len(y), random, score, incremental=incremental):
                best = values.copy()
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
    if score is not None:
        estimator._take(epochs.model, best)


def _epochs(
    estimator: "Perceptron",
    X: Any,
    y: Array,
    weights: Array | None,
    threads: int,
    *,
    incremental: bool,
) -> Epochs:
    """What makes epochs on X, y and weights: for a `partial_fit`, that of the last one if it was
    alike."""
    momentum: Momentum = estimator._optimizer
    size = _batch_size(estimator, len(y))
    shapes = (X.shape, X.dtype, y.shape, weights is None, *(w.shape for w in estimator.coefs_))
    settings = (estimator.activation, estimator.precision, estimator.alpha, size, threads)
    key = None if issparse(X) else (shapes, settings)
    targets, epochs = estimator._targets(y), momentum.epochs
    if incremental and epochs is not None and key is not None and epochs.key == key:
        epochs.model.arena.backend.use_threads(threads)
        epochs.model.arena.values[...] = estimator._flat()
        epochs.examples.refill(X, targets, weights)
        return epochs
    model = estimator._model()
    model.arena.backend.use_threads(threads)
    examples = Examples(X.copy() if incremental else X, targets, weights, model.arena)
    epochs = Epochs(model, examples, momentum, batch_size=size, l2=estimator.alpha, key=key)
    momentum.epochs = epochs if incremental else None
    return epochs


def _descend(
    estimator: "Perceptron",
    epochs: Epochs,
    n: int,
    random: np.random.RandomState,
    score: Score | None,
    *,
    incremental: bool,
) -> Iterator[None]:
    """Make epochs until one says to stop. Yields whenever the validation score is the best yet."""
    order = np.arange(n)
    estimator.n_iter_ = 0
    for _ in range(1 if incremental else estimator.max_iter):
        if estimator.shuffle:
            places = np.arange(n)
            random.shuffle(places)
            order = order[places]
        estimator.loss_ = epochs.run(order)
        estimator.n_iter_ += 1
        estimator.t_ += n
        estimator.loss_curve_.append(estimator.loss_)
        if estimator.verbose:
            print(f"Iteration {estimator.n_iter_}, loss = {estimator.loss_:.8f}")
        if score is None:
            _count_losses(estimator)
        elif _count_scores(estimator, score()):
            yield
        estimator._optimizer.slow_down(estimator.t_)
        if estimator._no_improvement_count > estimator.n_iter_no_change:
            if _stops(estimator):
                return
            estimator._no_improvement_count = 0
    if not incremental:
        warnings.warn(
            f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
            "optimization hasn't converged yet.",
            ConvergenceWarning,
            stacklevel=2,
        )


def _count_losses(estimator: "Perceptron") -> None:
    """Count the epochs whose loss is not lower than the best by `tol`."""
    loss, best = estimator.loss_, estimator.best_loss_
    estimator._no_improvement_count += 1
    if not loss > best - estimator.tol:
        estimator._no_improvement_count = 0
    if loss < best:
        estimator.best_loss_ = loss


def _count_scores(estimator: "Perceptron", score: float) -> bool:
    """Count the epochs whose validation score is not higher than the best by `tol`. Returns whether
    it is higher than the best."""
    best = estimator.best_validation_score_
    estimator.validation_scores_.append(score)
    if estimator.verbose:
        print(f"Validation score: {score:f}")
    estimator._no_improvement_count += 1
    if not score < best + estimator.tol:
        estimator._no_improvement_count = 0
    if not score > best:
        return False
    estimator.best_validation_score_ = score
    return True


def _stops(estimator: "Perceptron") -> bool:
    """Whether training ends now that nothing has improved for long enough. An adaptive learning
    rate is divided by 5 first."""
    what = "Validation score" if estimator.early_stopping else "Training loss"
    message = (
        f"{what} did not improve more than tol={estimator.tol:f} for "
        f"{estimator.n_iter_no_change:d} consecutive epochs."
    )
    ends, momentum = " Stopping.", estimator._optimizer
    if momentum.schedule == "adaptive":
        if momentum.learning_rate > LEAST_RATE:
            momentum.learning_rate /= 5.0
            ends = f" Setting learning rate to {momentum.learning_rate:f}"
        else:
            ends = " Learning rate too small. Stopping."
    if estimator.verbose:
        print(message + ends)
    return ends.endswith("Stopping.")


def _batch_size(estimator: "Perceptron", n: int) -> int:
    if estimator.batch_size == "auto":
        return min(200, n)
    if estimator.batch_size > n:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    return int(np.clip(estimator.batch_size, 1, n))


def _split(
    estimator: "Perceptron",
    X: Any,
    y: Array,
    weights: Array | None,
    random: np.random.RandomState,
) -> tuple[Any, Array, Array | None, Score]:
    """The training examples X, y and weights without those held out, and the score of the latter
    with the current weights. Examples of two classes are held out stratified."""
    arrays = [X, y] if weights is None else [X, y, weights]
    stratified = is_classifier(estimator) and estimator.n_outputs_ == 1
    parts = train_test_split(
        *arrays,
        random_state=random,
        test_size=estimator.validation_fraction,
        stratify=y if stratified else None,
    )
    train, held_out = parts[::2], parts[1::2]
    if held_out[0].shape[0] < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    if weights is None:
        train, held_out = [*train, None], [*held_out, None]
    return *train, partial(estimator._score, *held_out)
