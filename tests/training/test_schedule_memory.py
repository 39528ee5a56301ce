"""A schedule that reacts to training: what it remembers is part of the state."""

import signal
from pathlib import Path

import pytest
from forks import ROOT
from plugin_loading import forgotten
from tiny_runs import AT_STEP, differing, mlptrain, start, strict_json

from mlptrain.plugins import load_plugin
from mlptrain.training import checkpoint

pytestmark = pytest.mark.slow

PLATEAU = "{type: reduce_on_plateau, factor: 0.5, patience: 1, min_delta: 0.9}"
LONGER = ("--set", "training.epochs=6", "--set", "training.early_stopping=null")
PLUGIN = str(ROOT / "tests/plugins/time_budget.py")


def train(run: Path, schedule: str, *others: str) -> tuple[str, ...]:
    chosen = ("--set", f"training.optimizer.schedule={schedule}")
    return ("train", "tiny.yaml", *LONGER, *chosen, *others, "--run-dir", str(run))


def rates(run: Path) -> list[float]:
    lines = (run / "metrics.jsonl").read_text().splitlines()
    return [strict_json(line)["learning_rate"] for line in lines]


def stopped_at(project: Path, step: int, arguments: tuple[str, ...]) -> None:
    """Make `step` steps, then stop as if for a signal."""
    program = (str(int(signal.SIGTERM)), str(step), "1", *arguments)
    process = start(project, *program, program=AT_STEP)
    _, errors = process.communicate()
    assert process.returncode == 143, errors


@pytest.mark.parametrize("step", [6, 12, 15])
def test_a_plateau_is_resumed_exactly(project: Path, tmp_path: Path, step: int) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    mlptrain(project, *train(whole, PLATEAU))
    assert rates(whole) == pytest.approx([0.1, 0.1, 0.05, 0.025, 0.0125, 0.00625])
    stopped_at(project, step, train(stopped, PLATEAU))
    mlptrain(project, *train(stopped, PLATEAU), "--resume")
    assert differing(stopped, whole) == []


def test_elapsed_time_counts_across_a_stop(project: Path, tmp_path: Path) -> None:
    run, budget = tmp_path / "run", "{type: time_budget, seconds: 1000}"
    arguments = train(run, budget, "--plugin", PLUGIN)
    stopped_at(project, 12, arguments)
    with forgotten():
        load_plugin(PLUGIN)
        before = checkpoint.load(run / "last.safetensors").state.progress.schedule["seconds"]
        mlptrain(project, *arguments, "--resume")
        after = checkpoint.load(run / "last.safetensors").state.progress.schedule
    assert 0 < before < after["seconds"]
    assert after["factor"] == 1 - after["seconds"] / 1000
    made = rates(run)
    assert made == sorted(made, reverse=True)
    assert len(set(made)) == 6
