"""Runs that an optimizer or its schedule ends, or that wait for an improvement by `tol`."""

from pathlib import Path
from typing import Any

import pytest
from small_runs import interrupted, metrics, require_same, settings, train, write_data
from tiny_runs import strict_json

PLATEAU = {
    "type": "sgd",
    "learning_rate": 0.01,
    "schedule": {
        "type": "reduce_on_plateau",
        "monitor": "train_loss",
        "factor": 0.2,
        "patience": 1,
        "min_delta": 1.0,
        "min_delta_from": "best",
        "stop_at": 0.05,
    },
}
INVSCALING = {"type": "sgd", "schedule": {"type": "invscaling", "power_t": 0.5}}
TOL = {"monitor": "train_loss", "patience": 3, "min_delta": 0.05, "min_delta_from": "best"}


@pytest.fixture(autouse=True)
def data(tmp_path: Path) -> None:
    write_data(tmp_path)


def reason(folder: Path) -> Any:
    return strict_json((folder / "run/summary.json").read_text())["reason"]


def test_a_schedule_can_end_a_run(tmp_path: Path) -> None:
    """No epoch is better by 1, so the rate falls after each but the first: to 0.2, to 0.04."""
    run = train(tmp_path, settings(optimizer=PLATEAU, epochs=30))
    assert run.progress.epoch == 4
    assert reason(tmp_path) == "schedule"
    rates = [line["learning_rate"] for line in metrics(tmp_path)]
    assert rates == pytest.approx([0.01, 0.01, 0.002, 0.0004], rel=1e-12)


def test_invscaling_counts_the_examples_of_the_epochs_before(tmp_path: Path) -> None:
    train(tmp_path, settings(optimizer=INVSCALING))
    rates = [line["learning_rate"] for line in metrics(tmp_path)]
    assert rates == pytest.approx([0.01 / (23 * epoch + 1) ** 0.5 for epoch in range(3)])


def test_waiting_for_an_improvement_by_tol(tmp_path: Path) -> None:
    """The best weights are those of the lowest loss, although it did not count."""
    run = train(tmp_path, settings(early_stopping=TOL, optimizer="adam", epochs=300))
    losses = [line["train_loss"] for line in metrics(tmp_path)]
    assert reason(tmp_path) == "early_stopping"
    assert run.progress.waited == 3
    assert min(losses[:-3]) - min(losses) < 0.05
    assert run.progress.best_epoch == losses.index(min(losses)) + 1 > run.progress.epoch - 3


@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize(
    "changes",
    [{"optimizer": PLATEAU}, {"optimizer": INVSCALING}, {"early_stopping": TOL, "epochs": 300}],
)
def test_resuming_is_exact(tmp_path: Path, changes: dict[str, Any], after: int) -> None:
    config = settings(**{"epochs": 9, **changes})
    train(tmp_path, config, "whole")
    interrupted(tmp_path, config, "parts", after=after)
    train(tmp_path, config, "parts", resume=True)
    require_same(tmp_path, "whole", "parts")


@pytest.mark.parametrize("after", [1, 2])
def test_lbfgs_ends_after_so_many_evaluations(tmp_path: Path, after: int) -> None:
    """After the iteration that exceeds them, as SciPy's L-BFGS-B ends by its maxfun; those before
    an interruption count."""
    limited = {"type": "lbfgs", "max_evaluations": 8, "tolerance": 0.0}
    config = settings(optimizer=limited, epochs=30)
    run = train(tmp_path, config)
    assert reason(tmp_path) == "optimizer"
    assert 8 < run.progress.optimizer["evaluations"] <= 8 + 20
    free = settings(optimizer={**limited, "max_evaluations": None}, epochs=run.progress.epoch - 1)
    assert train(tmp_path, free, "free").progress.optimizer["evaluations"] <= 8
    interrupted(tmp_path, config, "parts", after=after)
    train(tmp_path, config, "parts", resume=True)
    require_same(tmp_path, "run", "parts")
