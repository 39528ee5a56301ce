"""Each hint where it must appear, and none on runs that train well."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import settings, train
from tiny_runs import ROOT

from mlptrain.training.events import EpochDone
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest

BLOBS = {"train": "blobs.npz", "validation": "more_blobs.npz"}
NOISE = {"train": "noise.npz", "validation": "more_noise.npz"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples that show their class, and noise of which 85 % is of one class."""
    folder = tmp_path_factory.mktemp("hints")
    random = np.random.default_rng(0)
    for name, count in (("blobs", 200), ("more_blobs", 100)):
        y = np.arange(count) % 2
        np.savez(folder / name, x=random.normal(size=(count, 8)) + 2 * y[:, None], y=y)
    for name, count in (("noise", 120), ("more_noise", 200)):
        y = (np.arange(count) % 20 >= 17).astype(np.int64)
        np.savez(folder / name, x=random.normal(size=(count, 8)), y=y)
    return folder


def hints(folder: Path, config: dict[str, Any], run: str) -> dict[str, str]:
    """The facts that summary.json has, by kind."""
    train(folder, config, run)
    summary = json.loads((folder / run / "summary.json").read_text())
    assert all("try" in each["advice"].lower() for each in summary["hints"])
    return {each["kind"]: each["fact"] for each in summary["hints"]}


def sgd(rate: float) -> dict[str, Any]:
    return {"type": "sgd", "learning_rate": rate}


def test_a_good_run_gets_none(place: Path) -> None:
    config = settings(data=BLOBS, epochs=20, optimizer=sgd(0.1))
    assert hints(place, config, "good") == {}


@pytest.mark.parametrize("name", ["digits", "minimal"])
def test_configs_that_train_well_get_none(name: str, tmp_path: Path) -> None:
    changes = ["training.epochs=8", "training.threads=1"]
    with prepare_run(
        ROOT / f"configs/{name}.yaml", changes, tmp_path / "run", resume=False,
        reading=lambda *_: None,
    ) as run:  # fmt: skip
        *_, finished = run.train(StopRequest())
    assert finished.hints == ()


def test_a_loss_that_does_not_fall(place: Path) -> None:
    config = settings(data=NOISE, epochs=6, optimizer=sgd(1e-9))
    found = hints(place, config, "flat")
    assert list(found) == ["loss_flat", "majority_not_beaten"]
    assert found["loss_flat"].startswith("train_loss fell by 0.0% in 6 epochs, from ")


def test_a_loss_that_jumps(place: Path) -> None:
    """The first epoch is one of slow steps; the loss is convex, so it stays finite."""
    rate = {**sgd(300), "schedule": {"type": "constant", "warmup_epochs": 6}}
    config = settings(data=NOISE, model={"hidden_layers": []}, epochs=12, optimizer=rate)
    found = hints(place, config, "jumps")
    assert next(iter(found)) == "learning_rate_too_high"
    assert " of 12 epochs, by " in found["learning_rate_too_high"]


def test_units_that_are_0_for_all_examples(place: Path) -> None:
    """Kernels of zeros give ReLU no gradient."""
    layer = {"type": "dense", "units": 32, "activation": "relu", "kernel_initializer": "zeros"}
    config = settings(data=BLOBS, model={"layers": [layer]}, epochs=2, optimizer=sgd(0.1))
    found = hints(place, config, "dead")
    fact = "32 of the 32 units of dense_1 are 0 for all 200 training examples"
    assert found["dead_units"] == fact


def test_a_model_that_learns_only_the_majority(place: Path) -> None:
    config = settings(data=NOISE, epochs=4, optimizer=sgd(0.05))
    found = hints(place, config, "majority")
    assert list(found) == ["majority_not_beaten"]
    assert found["majority_not_beaten"].endswith("of the majority class, 0.850")


def test_a_model_that_learns_its_examples_by_heart(place: Path) -> None:
    config = settings(
        data=NOISE, model={"hidden_layers": [64]}, epochs=40,
        optimizer={"type": "adam", "learning_rate": 0.01},
    )  # fmt: skip
    found = hints(place, config, "overfitted")
    assert "overfitting" in found
    assert found["overfitting"].startswith("val_loss rose from ")


def test_numbers_that_are_predicted_no_better_than_by_their_mean(place: Path) -> None:
    config = settings(
        data=NOISE, epochs=3, task={"type": "regression"}, optimizer=sgd(0.001)
    )  # fmt: skip
    assert "mean_not_beaten" in hints(place, config, "mean")


@pytest.mark.parametrize("damage", ["", "{"])
def test_damaged_metrics_cost_the_hints_not_the_summary(damage: str, tmp_path: Path) -> None:
    folder, changes = tmp_path / "run", ["training.epochs=2", "training.threads=1"]
    with prepare_run(
        ROOT / "configs/minimal.yaml", changes, folder, resume=False, reading=lambda *_: None
    ) as run:
        for event in run.train(StopRequest()):
            if isinstance(event, EpochDone) and event.metrics.epoch == 2:
                (folder / "metrics.jsonl").write_text(damage and f"{damage}\n")
    assert json.loads((folder / "summary.json").read_text())["hints"] == []
