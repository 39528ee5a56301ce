"""A run that leaves the finite numbers stops, says where, and keeps its last good state."""

import re
import signal
from pathlib import Path

import pytest
from tiny_runs import AT_STEP, mlptrain, start, strict_json

from mlptrain.training import checkpoint

pytestmark = [pytest.mark.slow, pytest.mark.both_kernels]

HUGE = ("--set", "training.optimizer.learning_rate=1e30")
SGD = ("--set", "training.optimizer={type: sgd, learning_rate: 1e30}")


def diverged(project: Path, run: Path, *arguments: str) -> str:
    """The message of a run that diverges."""
    ended = mlptrain(project, "train", "tiny.yaml", "--run-dir", str(run), *arguments, code=5)
    summary = strict_json((run / "summary.json").read_text())
    assert summary["reason"] == "diverged"
    assert "Warning" not in ended.stderr
    for line in (run / "metrics.jsonl").read_text().splitlines() if summary["epoch"] else ():
        strict_json(line)
    for path in run.glob("*.safetensors"):
        checkpoint.load(path)
    return ended.stderr


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_a_learning_rate_of_1e30(project: Path, tmp_path: Path, optimizer: str) -> None:
    setting = f"training.optimizer={{type: {optimizer}, learning_rate: 1e30}}"
    message = diverged(project, tmp_path / "run", "--set", setting)
    assert re.search(r"training diverged in epoch 1, step [23], at learning_rate 1e\+30", message)
    assert "No epoch was finished" in message


def test_the_advice_suits_the_optimizer(project: Path, tmp_path: Path) -> None:
    """L-BFGS has no learning rate and clips nothing."""
    huge = "training.optimizer={type: lbfgs, weight_decay: 1e39}"
    message = diverged(project, tmp_path / "run", "--set", huge, "--set", "model.layers=[]")
    assert "training diverged in epoch 1, step 1: " in message
    assert "Try data.normalize: standard" in message
    assert "learning_rate" not in message
    assert "clip_norm" not in message


def test_the_last_good_state_is_kept(project: Path, tmp_path: Path) -> None:
    """Each step makes the weights a hundred thousand times larger; the ninth is too much."""
    growing = "training.optimizer={type: sgd, learning_rate: 1, weight_decay: 1e5}"
    message = diverged(project, tmp_path / "run", "--set", growing, "--set", "model.layers=[]")
    assert "training diverged in epoch 2, step 8, at learning_rate 1" in message
    assert "The state after epoch 1 is kept" in message
    for name in ("best", "last"):
        saved = checkpoint.load(tmp_path / "run" / f"{name}.safetensors")
        assert saved.state.progress.step == 4
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) == 1


def test_a_signal_does_not_save_what_diverged(project: Path, tmp_path: Path) -> None:
    """Steps are checked one step later, so the signal comes before the check."""
    run = tmp_path / "run"
    arguments = ("train", "tiny.yaml", "--run-dir", str(run), "--set", OVERFLOWING)
    process = start(project, str(int(signal.SIGTERM)), "1", "1", *arguments, program=AT_STEP)
    errors = process.communicate()[1]
    assert process.returncode == 5, errors
    assert "/kernel, or the optimizer's memory of it, became NaN or Inf" in errors
    assert "Warning" not in errors
    assert not (run / "last.safetensors").exists()


OVERFLOWING = "training.optimizer={type: sgd, learning_rate: 1e300}"


def test_after_the_last_step_of_the_last_epoch(project: Path, tmp_path: Path) -> None:
    """No further step shows that the weights are useless, but the test split does."""
    one_step = ("--set", "training.batch_size=100", "--set", "training.epochs=1")
    alone = ("--set", "data.validation=null", "--set", "training.early_stopping=null")
    message = diverged(project, tmp_path / "run", *SGD, *one_step, *alone)
    assert "epoch 1, step 1, at learning_rate 1e+30" in message


def test_a_resumed_run_diverges_again(project: Path, tmp_path: Path) -> None:
    first = diverged(project, tmp_path / "run", *HUGE)
    assert diverged(project, tmp_path / "run", *HUGE, "--resume").endswith(first)
