"""Where `predict --output` puts pictures."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from task_runs import SCENES, make_project
from typer.testing import CliRunner, Result

from mlptrain.cli.app import app
from mlptrain.errors import UsageError

IMAGES = sorted((SCENES / "test" / "images").iterdir())[:3]


@pytest.fixture(scope="module")
def autoencoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    config = make_project(tmp_path_factory.mktemp("pictures"), "autoencoder")
    run = config.with_name("run")
    arguments = ["train", str(config), "--run-dir", str(run), "--set", "training.epochs=1"]
    assert CliRunner().invoke(app, arguments).exit_code == 0
    return run


def predicted(model: Path, images: Sequence[Path], output: Path) -> Result:
    arguments = ["predict", *map(str, images), "--model", str(model), "--output", str(output)]
    return CliRunner().invoke(app, arguments)


def test_every_image_gets_a_picture_of_its_own(autoencoder: Path, tmp_path: Path) -> None:
    """Also if one is named as another one's picture."""
    names = ("a/x.png", "b/x.png", "c/x-2.png", "d/x.png", "e/x.jpg.png", "f/x-2.png")
    images = [tmp_path / name for name in names]
    for number, image in enumerate(images):
        image.parent.mkdir()
        shutil.copy(IMAGES[number % 3], image)
    assert predicted(autoencoder, images, tmp_path / "out").exit_code == 0
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"x.png", "x-2.png", "x-2-2.png", "x-3.png", "x.jpg.png", "x-2-3.png"}


@pytest.mark.parametrize("output", ["images", "images/../images", "link"])
def test_no_image_is_overwritten(
    autoencoder: Path, tmp_path: Path, output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "link").symlink_to("images")
    shutil.copy(IMAGES[0], tmp_path / "images/x.png")
    monkeypatch.chdir(tmp_path)
    ended = predicted(autoencoder, [IMAGES[1], Path("images/x.png")], Path(output))
    assert isinstance(ended.exception, UsageError)
    assert str(ended.exception) == (
        f"--output {output}: images/x.png is there, and its prediction would replace it. Name "
        "another folder."
    )
    assert ended.stdout == ""
    assert (tmp_path / "images/x.png").read_bytes() == IMAGES[0].read_bytes()
    assert [path.name for path in (tmp_path / "images").iterdir()] == ["x.png"]


def test_pictures_of_before_are_replaced(autoencoder: Path, tmp_path: Path) -> None:
    (tmp_path / f"{IMAGES[0].stem}.png").write_text("old")
    assert predicted(autoencoder, IMAGES, tmp_path).exit_code == 0
    assert len(list(tmp_path.iterdir())) == 3
    assert (tmp_path / f"{IMAGES[0].stem}.png").read_bytes().startswith(b"\x89PNG")
