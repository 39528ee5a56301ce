"""One undisturbed run for all tests of this folder to compare with."""

from pathlib import Path

import pytest
from tiny_runs import make_project, mlptrain

from mlptrain.training import checkpoint
from mlptrain.training.checkpoint import Checkpoint


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
