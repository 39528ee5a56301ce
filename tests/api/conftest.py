"""A trained run of every task."""

from pathlib import Path

import pytest
from api_examples import Trained, command_line, examples
from task_runs import TASKS, make_project


@pytest.fixture(scope="session", params=list(TASKS))
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """One per task; not to be changed."""
    folder = tmp_path_factory.mktemp(request.param)
    config = make_project(folder, request.param)
    command_line(folder, "train", config.name, "--run-dir", "run")
    return Trained(folder, *examples(request.param, "test", 12))


@pytest.fixture(scope="session")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a short run on the digits; not to be changed."""
    root = Path(__file__).parents[2]
    run = tmp_path_factory.mktemp("digits") / "run"
    short = ("--set", "training.epochs=3", "--set", "training.threads=1")
    command_line(root, "train", "configs/digits.yaml", *short, "--run-dir", str(run))
    return run
