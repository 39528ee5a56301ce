"""Which checkpoint is meant, and what is said when there is none."""

import os
import shutil
from pathlib import Path

import pytest
from PIL import Image

from mlptrain.errors import ModelFileError
from mlptrain.training import checkpoint
from mlptrain.training.model_path import EXPECTED, find_checkpoint

BEST, LAST = "best.safetensors", "last.safetensors"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_run(path: str, best: float, last: float | None = None) -> Path:
    """A run folder whose states were saved at these times, in seconds."""
    folder = Path(path)
    folder.mkdir(parents=True)
    for name, seconds in ((BEST, best), (LAST, last)):
        if seconds is not None:
            (folder / name).touch()
            os.utime(folder / name, (seconds, seconds))
    return folder


def refusal(name: str) -> str:
    with pytest.raises(ModelFileError) as error:
        checkpoint.load(find_checkpoint(Path(name)))
    return str(error.value)


@pytest.mark.parametrize("latest", ["run", "runs/tiny-001", "elsewhere", "runs"])
def test_runs_are_found_in_the_current_folder_and_in_runs(latest: str) -> None:
    for index, path in enumerate(["run", "runs/tiny-001", "elsewhere", "runs"]):
        make_run(path, index) if path != "runs" else (Path("runs") / BEST).touch()
    os.utime(Path("runs") / BEST, (1, 1))
    os.utime(Path(latest) / BEST, (100, 100))
    assert find_checkpoint(None) == Path(latest) / BEST


def test_the_latest_run_is_the_one_that_saved_a_state_last() -> None:
    """Its best epoch may be long ago."""
    make_run("runs/a-001", best=10, last=30)
    make_run("runs/b-001", best=20, last=25)
    make_run("runs/copied-without-last", best=29)
    assert find_checkpoint(None) == Path("runs/a-001") / BEST


def test_of_equal_times_the_higher_number_is_later() -> None:
    for number in (999, 1000, 2):
        make_run(f"runs/a-{number:03d}", best=10, last=10)
    assert find_checkpoint(None) == Path("runs/a-1000") / BEST


def test_what_is_no_trained_run_is_passed_over(here: Path) -> None:
    (here / "loop").symlink_to("loop")
    (here / "empty").mkdir()
    (here / "file").touch()
    (here / "runs").touch()
    make_run("deep/er/run", best=50)
    with pytest.raises(ModelFileError, match=r"no trained run in the current folder or in runs/\."):
        find_checkpoint(None)
    make_run("run", best=10)
    assert find_checkpoint(None) == Path("run") / BEST


def test_a_run_or_a_file_is_taken_by_its_name() -> None:
    run = make_run("run", best=10)
    assert find_checkpoint(run) == run / BEST
    assert find_checkpoint(run / LAST) == run / LAST


def test_a_folder_that_is_no_run_is_described(here: Path) -> None:
    (here / "empty").mkdir()
    for name in ("cat", "dog", "emu", "fox"):
        (here / "images" / name).mkdir(parents=True)
    for number in (9, 10):
        make_run(f"many/a-{number}", best=10)
    assert refusal("empty") == f"empty: is an empty folder. {EXPECTED}"
    assert refusal("images") == (
        f"images: is not a run folder: it holds cat, dog, emu, … and no {BEST}. {EXPECTED}"
    )
    assert refusal("many") == (
        "many: holds runs, but is not one. Name one of them; the latest is many/a-10."
    )


@pytest.mark.parametrize("left", [".lock", "metrics.jsonl", LAST])
def test_a_run_without_a_finished_epoch_is_to_be_resumed(here: Path, left: str) -> None:
    (here / "run").mkdir()
    (here / "run" / left).touch()
    other = f", or name run/{LAST}" if left == LAST else ""
    assert refusal("run") == (
        f"run: holds no {BEST}: no epoch of this run was finished. Resume the run{other}."
    )


@pytest.mark.parametrize(
    ("left", "advice"),
    [
        ([LAST], f"Restore it, or name run/{LAST}."),
        ([], "Train again, in another folder."),
    ],
)
def test_a_run_that_has_ended_is_not_to_be_resumed(
    here: Path, left: list[str], advice: str
) -> None:
    """Its best checkpoint was removed, or it diverged in its first epoch."""
    (here / "run").mkdir()
    for name in ("metrics.jsonl", "summary.json", *left):
        (here / "run" / name).touch()
    assert refusal("run") == f"run: holds no {BEST}, though its run has ended. {advice}"


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("my.yaml", b"data: {train: pets}\n", "is a text file, not a checkpoint"),
        ("a.csv", "filepath,label\né.png,ä\n".encode() * 100, "is a text file, not a checkpoint"),
        ("short", b"hi", "is a text file, not a checkpoint"),
        ("archive.npz", b"PK\x03\x04" + bytes(range(256)), "is not a checkpoint of mlptrain"),
        ("empty", b"", "is empty"),
    ],
)
def test_a_file_that_is_no_checkpoint_is_described(
    here: Path, name: str, content: bytes, what: str
) -> None:
    (here / name).write_bytes(content)
    assert refusal(name) == f"{name}: {what}. {EXPECTED}"


@pytest.mark.parametrize("kind", ["png", "jpeg", "bmp", "gif", "webp"])
def test_an_image_is_called_one(here: Path, kind: str) -> None:
    Image.new("L", (20, 20)).save(here / "image", format=kind)
    assert refusal("image") == f"image: is an image ({kind}), not a checkpoint. {EXPECTED}"


def test_a_part_of_a_checkpoint_is_called_one(here: Path, data: bytes) -> None:
    (here / "part").write_bytes(data[:1000])
    assert refusal("part") == f"part: is only the first 1,000 bytes of a checkpoint. {EXPECTED}"


def test_what_cannot_be_looked_at_is_named(here: Path) -> None:
    (here / "loop").symlink_to("loop")
    shutil.copytree(make_run("run", best=10), here / "file-below")
    assert refusal("loop") == "loop: cannot be read: Too many levels of symbolic links."
    assert refusal("a" * 300) == f"{'a' * 300}: cannot be read: File name too long."
    assert refusal("gone") == f"gone: does not exist. {EXPECTED}"
