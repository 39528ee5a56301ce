"""The state of layers in checkpoints: saved, resumed, kept with the best weights, evaluated."""

import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from forks import ROOT
from plugin_loading import forgotten
from tiny_runs import AT_STEP, differing, mlptrain, start, strict_json

from mlptrain.errors import DivergedError, ModelFileError
from mlptrain.plugins import load_plugin
from mlptrain.training import checkpoint
from mlptrain.training.setup import prepare_run

pytestmark = pytest.mark.slow

PLUGIN = ("--plugin", str(ROOT / "tests/plugins/centred.py"))
# the first epoch is the best: what is kept of it must survive the others
SETTINGS = (
    *("--set", "training.early_stopping={monitor: val_loss, patience: 9, min_delta: 1000}"),
    *("--set", "model.layers=[{type: centred, momentum: 0.8}, {type: dense, units: 4}]"),
)
TRAIN = ("train", "tiny.yaml", *PLUGIN, *SETTINGS)


@pytest.fixture(autouse=True)
def _loaded() -> Iterator[None]:
    with forgotten():
        load_plugin(PLUGIN[1])
        yield


def test_resume_is_exact_and_the_best_state_is_evaluated(project: Path, tmp_path: Path) -> None:
    whole, stopped = tmp_path / "whole", tmp_path / "stopped"
    mlptrain(project, *TRAIN, "--run-dir", str(whole))
    arguments = (str(int(signal.SIGTERM)), "6", "1", *TRAIN, "--run-dir", str(stopped))
    process = start(project, *arguments, program=AT_STEP)
    _, errors = process.communicate()
    assert process.returncode == 143, errors
    mlptrain(project, *TRAIN, "--run-dir", str(stopped), "--resume")
    assert differing(stopped, whole) == []
    best, last = (
        checkpoint.load(whole / f"{name}.safetensors").layer_state["centred_1/mean"]
        for name in ("best", "last")
    )
    assert best.any()
    assert not np.array_equal(best, last)
    summary = strict_json((whole / "summary.json").read_bytes())
    assert summary["best_epoch"] == 1
    evaluated = strict_json(mlptrain(project, "eval", str(whole), "--json", *PLUGIN).stdout)
    assert evaluated["loss"] == summary["test"]["loss"]


def test_a_file_without_the_state_of_its_layers_is_refused(project: Path, tmp_path: Path) -> None:
    mlptrain(project, *TRAIN, "--run-dir", str(tmp_path / "run"))
    saved = checkpoint.load(tmp_path / "run/best.safetensors")
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, saved.state, saved.parameters, saved.optimizer, {})
    with pytest.raises(ModelFileError, match="layers' state arrays do not fit its own config"):
        checkpoint.load(path)


def test_state_that_is_not_finite_is_not_saved(project: Path, tmp_path: Path) -> None:
    settings, config, where = SETTINGS[1::2], project / "tiny.yaml", tmp_path / "run"
    with prepare_run(config, settings, where, resume=False, reading=lambda *_: None) as run:
        run.trainer.require_finite()
        run.progress.step = 1
        run.model.arena.state[-1] = np.inf
        with pytest.raises(DivergedError, match="centred_1/mean became NaN or Inf"):
            run.trainer.require_finite()
