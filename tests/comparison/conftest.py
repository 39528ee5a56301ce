"""Two runs per task on the same data, of which the second has learned less."""

from pathlib import Path

import pytest
from task_runs import TASKS, make_project

from mlptrain.cli.app import run as mlptrain


@pytest.fixture(scope="session", params=list(TASKS))
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs `long` and `short` for a task; not to be changed."""
    folder = tmp_path_factory.mktemp(request.param)
    config = str(make_project(folder, request.param))
    for name, epochs, rate in (("long", 12, 0.001), ("short", 1, 1e-06)):
        changes = (f"training.epochs={epochs}", f"training.optimizer.learning_rate={rate}")
        options = [part for change in changes for part in ("--set", change)]
        mlptrain(["train", config, "--run-dir", str(folder / name), *options])
    return folder
