"""Runs to report on."""

from pathlib import Path

import pytest
from task_runs import make_project

from mlptrain.cli.app import run


@pytest.fixture(scope="session")
def task_run(tmp_path_factory: pytest.TempPathFactory):
    """A function that gives a short run of a task, trained once."""
    trained: dict[str, Path] = {}

    def run_of(task: str) -> Path:
        if task not in trained:
            folder = tmp_path_factory.mktemp(task)
            trained[task] = folder / "run"
            run(["train", str(make_project(folder, task)), "--run-dir", str(trained[task])])
        return trained[task]

    return run_of
