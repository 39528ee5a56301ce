"""What counts as an improvement: the settings under which it is what scikit-learn calls one."""

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from mlptrain.optim.improvement import is_improvement, next_reference
from mlptrain.optim.schedules import ReduceOnPlateau

TOL, PATIENCE = 3e-3, 4  # scikit-learn's tol and n_iter_no_change
EPOCHS = 400


def their_training(seed: int, **settings: Any) -> MLPClassifier:
    """scikit-learn's net, trained with its own rule of stopping."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(120, 5))
    y = (x[:, 0] + random.normal(size=120) > 0).astype(int)
    net = MLPClassifier(
        (6,), random_state=seed, tol=TOL, n_iter_no_change=PATIENCE, max_iter=EPOCHS, **settings
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return net.fit(x, y)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("early_stopping", [False, True])
def test_tol_and_n_iter_no_change(seed: int, *, early_stopping: bool) -> None:
    """Theirs waits for more than n_iter_no_change epochs, so patience is one more."""
    net = their_training(seed, learning_rate_init=0.01, early_stopping=early_stopping)
    losses = [-score for score in net.validation_scores_] if early_stopping else net.loss_curve_
    best, waited, ended = np.inf, 0, []
    for loss in losses:
        improved = is_improvement(loss, best, TOL, "best")
        best = next_reference(loss, best, improved=improved, kind="best")
        waited = 0 if improved else waited + 1
        ended.append(waited >= PATIENCE + 1)
    assert ended == [False] * (net.n_iter_ - 1) + [True]
    assert net.n_iter_ < EPOCHS
    assert best == min(losses)


@pytest.mark.parametrize("seed", range(3))
def test_adaptive(seed: int) -> None:
    """Each plateau divides the rate by 5, and one at 1e-6 or below ends the training."""
    rate = 0.1
    net = their_training(
        seed, solver="sgd", learning_rate="adaptive", learning_rate_init=rate, batch_size=10
    )
    schedule = ReduceOnPlateau(
        monitor="train_loss",
        factor=0.2,
        patience=PATIENCE + 1,
        min_delta=TOL,
        min_delta_from="best",
        stop_at=1e-6 / rate,
    )
    memory: dict[str, float] = {}
    for epoch, loss in enumerate(net.loss_curve_, 1):
        assert "stop" not in memory, f"ended before epoch {epoch}"
        schedule.observe({"train_loss": loss}, 1.0, memory)
    assert memory["stop"] == 1
    assert net.n_iter_ < EPOCHS
    assert rate * memory["factor"] == pytest.approx(net._optimizer.learning_rate, rel=1e-12)
