"""Images that training would have refused, and how a trained model is told to take them."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_project import CLASSES, draw, draw_split
from tool_process import run

RUN = "runs/tiny-001"


@pytest.fixture
def images(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    same = draw(CLASSES[0], random)
    same.save(tmp_path / "same.png")
    same.save(tmp_path / "same.webp", lossless=True)
    same.resize((16, 8)).save(tmp_path / "wide.png")
    Image.merge("RGB", [same] * 3).save(tmp_path / "colour.png")
    return tmp_path


@pytest.mark.parametrize("form", ["--format=table", "--format=csv", "--json"])
def test_unlike_images_are_converted_and_that_is_said_once(
    form: str, trained: Path, images: Path
) -> None:
    names = [str(images / name) for name in ("same.png", "wide.png", "colour.png")]
    arguments = ("predict", "--model", RUN, form)
    ended = run(*arguments, *names, *names[1:], cwd=trained)
    assert ended.code == 0
    assert ended.err == (
        "note: 4 of 5 images differ from the training images, which were all grayscale 8×8; "
        "converted to that (data.image.resize: stretch)\n"
    )
    assert "note" not in ended.out
    ended = run(*arguments, names[0], cwd=trained)
    assert (ended.code, ended.err) == (0, "")


@pytest.fixture
def unlike(project: Path) -> Path:
    """A project whose test split holds a wide image, and a colour one that is no image."""
    wide = draw(CLASSES[0], np.random.default_rng(9)).resize((16, 8))
    wide.save(project / "data/test" / CLASSES[0] / "wide.png")
    (project / "data/test" / CLASSES[1] / "none.png").write_bytes(b"none")
    return project


CONVERTED = (
    "images differ from the training images, which were all grayscale 8×8; "
    "converted to that (data.image.resize: stretch)\n"
)


def test_training_and_evaluation_count_the_unlike_images_of_other_splits(unlike: Path) -> None:
    """Of 25 images in the test split, not counting the bad one."""
    for arguments in (
        ("train", "tiny.yaml", "--set", "data.on_bad_image=skip"),
        ("eval", RUN),
        ("eval", RUN, "--data", "data/test", "--json"),
    ):
        ended = run(*arguments, cwd=unlike)
        assert ended.code == 0
        assert ended.err.count(CONVERTED) == ended.err.count("differ") == 1
        assert f"data/test: 1 of 25 {CONVERTED}" in ended.err
    ended = run("eval", RUN, "--split", "train", cwd=unlike)
    assert "differ" not in ended.err


def test_training_counts_the_unlike_images_of_a_validation_split(project: Path) -> None:
    place = draw_split(project / "data/valid", 1, dict(zip(CLASSES, CLASSES, strict=True)), seed=7)
    for path in place.rglob("*.png"):
        with Image.open(path) as image:
            wide = Image.merge("RGB", [image] * 3)
        wide.save(path)
    ended = run("train", "tiny.yaml", "--set", "data.validation=data/valid", cwd=project)
    assert (ended.code, ended.err) == (0, f"data/valid: 3 of 3 {CONVERTED}")


def test_an_array_of_another_size_is_unlike_as_a_whole(trained: Path, tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (6, 9, 8)).astype(np.uint8)
    np.savez(tmp_path / "d.npz", x=images, y=np.array(CLASSES * 2))
    ended = run("eval", trained / RUN, "--data", "d.npz", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, f"d.npz: 6 of 6 {CONVERTED}")
    np.savez(tmp_path / "d.npz", x=images[:, :8], y=np.array(CLASSES * 2))
    ended = run("eval", trained / RUN, "--data", "d.npz", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")


def test_many_unlike_images_are_counted_by_helpers_too(trained: Path, images: Path) -> None:
    wide = str(images / "wide.png")
    stdin = "\n".join([wide] * 6000).encode()
    ended = run("predict", "-", "--model", RUN, "--json", cwd=trained, stdin=stdin)
    assert ended.code == 0
    assert ended.err.startswith("note: 6,000 of 6,000 images differ")


def test_a_config_that_says_the_size_means_every_image(project: Path, images: Path) -> None:
    setting = "data.image={mode: grayscale, height: 8, width: 8}"
    assert run("train", "tiny.yaml", "--set", setting, cwd=project).code == 0
    ended = run("predict", images / "wide.png", "--model", RUN, cwd=project)
    assert (ended.code, ended.err) == (0, "")
    draw_split(project / "other", 2, dict(zip(CLASSES, CLASSES, strict=True)), seed=3)
    wide = images / "wide.png"
    (project / "other" / CLASSES[0] / "wide.png").write_bytes(wide.read_bytes())
    ended = run("eval", RUN, "--data", "other", cwd=project)
    assert (ended.code, ended.err) == (0, "")


def test_other_formats_and_sizes_can_be_allowed(trained: Path, images: Path) -> None:
    arguments = ("predict", images / "same.png", images / "same.webp", "--model", RUN)
    ended = run(*arguments, cwd=trained)
    assert ended.code == 3
    assert "or for a trained model to --formats" in ended.err
    ended = run(*arguments, "--formats", "png,webp", "--json", cwd=trained)
    assert ended.code == 0  # and WebP is always in colour, as a note says
    first, second = map(json.loads, ended.out.splitlines())
    assert first["top"] == second["top"]
    ended = run(*arguments, "--max-pixels", "63", cwd=trained)
    assert ended.code == 3
    assert "decodes to 8×8, 64 pixels; 63 are allowed. Raise" in ended.err
    ended = run(*arguments, "--formats", "png,heic", cwd=trained)
    assert ended.code == 2
    assert ended.err.startswith("--formats png,heic: is no list of formats. Name any of png, jpeg")


def test_eval_takes_the_same_options(trained: Path, tmp_path: Path) -> None:
    for name in CLASSES:
        (tmp_path / name).mkdir()
        image = draw(name, np.random.default_rng(2))
        image.save(tmp_path / name / "a.webp", lossless=True)
    arguments = ("eval", RUN, "--data", tmp_path)
    ended = run(*arguments, cwd=trained)
    assert ended.code == 3
    assert "3 of 3 images" in ended.err
    ended = run(*arguments, "--formats", "webp", "--json", cwd=trained)
    assert (ended.code, ended.err) == (0, f"{tmp_path}: 3 of 3 {CONVERTED}")
    assert json.loads(ended.out)["examples"] == 3
    assert run(*arguments, "--formats", "webp", "--max-pixels", "63", cwd=trained).code == 3
