"""A small trained model, and images for it."""

import os
from pathlib import Path

import pytest
from PIL import Image
from tiny_project import CLASSES, make_project
from tool_process import run


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder starts the tool, most of them several times."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.slow)


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
    """A folder of 6,000 images in three class folders, with an alpha channel: of all kinds, the
    slowest to decode."""
    place = tmp_path_factory.mktemp("thousands")
    for name in CLASSES:
        (place / name).mkdir()
        originals = sorted((trained / "data/train" / name).iterdir())
        for index, original in enumerate(originals):
            Image.open(original).convert("LA").save(place / name / f"{index:04d}.png")
        for index in range(len(originals), 2000):
            same = place / name / f"{index % len(originals):04d}.png"
            os.link(same, place / name / f"{index:04d}.png")
    return place
