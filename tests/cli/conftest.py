"""A small trained model, and images for it."""

import os
from pathlib import Path

import pytest
from tiny_project import CLASSES, make_project
from tool_process import run


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A fresh folder with data and tiny.yaml, nothing trained."""
    return make_project(tmp_path)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, tiny.yaml and the finished run runs/tiny-001. Not to be changed."""
    place = make_project(tmp_path_factory.mktemp("trained"))
    ended = run("train", "tiny.yaml", cwd=place)
    assert (ended.code, ended.err) == (0, "")
    return place


@pytest.fixture(scope="session")
def thousands(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 6,000 images in three class folders."""
    place = tmp_path_factory.mktemp("thousands")
    for name in CLASSES:
        (place / name).mkdir()
        originals = sorted((trained / "data/train" / name).iterdir())
        for index in range(2000):
            os.link(originals[index % len(originals)], place / name / f"{index:04d}.png")
    return place
