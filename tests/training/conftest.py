"""One undisturbed run for all tests of this folder to compare with."""

from pathlib import Path

import pytest
from task_runs import TASKS
from task_runs import make_project as make_task
from tiny_runs import make_project, mlptrain

from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import Checkpoint
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tiny.yaml and its data, to start runs in; the tests write to folders of their
    own inside, and the project itself stays as it is."""
    folder = tmp_path_factory.mktemp("project")
    make_project(folder)
    return folder


@pytest.fixture(scope="session")
def reference(project: Path) -> Path:
    """The folder of an undisturbed run; not to be changed."""
    mlptrain(project, "train", "tiny.yaml", "--run-dir", "reference")
    return project / "reference"


@pytest.fixture
def saved(reference: Path) -> Checkpoint:
    return checkpoint.load(reference / "last.safetensors")


@pytest.fixture
def data(reference: Path) -> bytes:
    return (reference / "last.safetensors").read_bytes()


@pytest.fixture(scope="session", params=list(TASKS))
def task_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run, one per task; not to be changed."""
    folder = tmp_path_factory.mktemp(request.param)
    config = make_task(folder, request.param)
    with prepare_run(config, (), folder / "run", resume=False, reading=lambda *_: None) as run:
        list(run.train(StopRequest()))
    return folder / "run"
