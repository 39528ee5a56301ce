"""kill -9 within a step, for each task: resumed, a run ends with the same bytes."""

import shutil
import signal
from pathlib import Path

import pytest
from task_runs import TASKS, make_project
from tiny_runs import AT_STEP, differing, mlptrain, start

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("task", list(TASKS))
@pytest.mark.parametrize("at", [3, 6, 7, 15])  # of 18: before the first save, at it, after it
def test_a_killed_run_ends_with_the_same_bytes(tmp_path: Path, task: str, at: int) -> None:
    make_project(tmp_path, task)
    train = ("train", "tiny.yaml", "--run-dir", "run")
    mlptrain(tmp_path, *train)
    shutil.move(tmp_path / "run", tmp_path / "whole")
    killed = start(tmp_path, str(int(signal.SIGKILL)), str(at), "1", *train, program=AT_STEP)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    mlptrain(tmp_path, *train, "--resume")
    assert differing(tmp_path / "run", tmp_path / "whole") == []
