"""`check` finds every planted fault at once, in its place, and trains nothing."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starting import images_and_sides, make_images, make_table

from mlptrain.cli.app import run
from mlptrain.config.load import load_config
from mlptrain.errors import ConfigError, DataError
from mlptrain.survey.alike import look_alikes
from mlptrain.survey.check import Check, check_data

ROOT = Path(__file__).parents[2]
CONFIG = """\
data: {train: train, test: test, validation: null, image: {mode: grayscale, height: 5, width: 6}}
model: {hidden_layers: [4]}
training: {batch_size: 8, epochs: 2, threads: 1}
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with faultless data and config.yaml; also the current one."""
    monkeypatch.chdir(tmp_path)
    for split, count in ("train", 12), ("test", 3):
        for name in ("cat", "dog"):
            make_images(tmp_path / split / name, count, first=100 if split == "test" else 0)
    (tmp_path / "config.yaml").write_text(CONFIG)
    return tmp_path


def checked(*overrides: str) -> Check:
    return check_data(load_config(Path("config.yaml"), overrides), lambda *_: None)


def kinds(check: Check) -> dict[tuple[str, str], str]:
    return {(each.kind, each.where): each.severity for each in check.findings}


@pytest.mark.usefixtures("place")
def test_faultless_data_gets_only_the_cost(capsys) -> None:
    found = checked()
    assert (found.examples, found.findings) == ({"train": 24, "test": 6}, ())
    cost = found.cost
    assert cost is not None
    assert (cost.steps_per_epoch, cost.epochs, cost.parameters) == (3, 2, 30 * 4 + 4 + 4 * 2 + 2)
    assert cost.seconds == pytest.approx(2 * 3 * cost.seconds_per_step)
    assert cost.memory_bytes > 20_000_000
    assert run(["check", "config.yaml"]) == 0
    out = capsys.readouterr().out
    assert "found    0 errors, 0 warnings" in out
    assert "2 epochs of 3 steps" in out
    assert "next     mlptrain train config.yaml" in out
    assert not os.path.lexists("runs")


def test_every_fault_is_found_at_once(place: Path, capsys) -> None:
    for index in range(5):
        (place / f"train/cat/bad{index}.png").write_bytes(b"no image")
    (place / "test/dog/cut.png").write_bytes((place / "test/dog/100.png").read_bytes()[:-9])
    make_images(place / "train/dog", 2, (9, 9), "RGB", first=50)
    shutil.copy(place / "train/dog/3.png", place / "train/cat/same.png")
    shutil.copy(place / "train/dog/4.png", place / "test/dog/leak.png")
    Image.new("L", (6, 5), 7).save(place / "train/dog/empty.png")
    for split in ("train", "test"):
        make_images(place / split / "Dog", 1, first=200 + len(split))
    found = checked()
    train, test = "data.train", "data.test"
    assert kinds(found) == {
        ("unusable_file", train): "error",
        ("unusable_file", test): "error",
        ("mixed_images", train): "warning",
        ("copy", train): "warning",
        ("contradiction", train): "warning",
        ("constant_image", train): "warning",
        ("copy_across_splits", test): "warning",
        ("names_alike", train): "warning",
        ("few_examples", train): "warning",
        ("majority", train): "warning",
    }
    assert found.cost is None
    with pytest.raises(DataError, match=r"config\.yaml: 2 errors\. Nothing can be trained"):
        run(["check", "config.yaml"])
    out = capsys.readouterr().out
    assert out.count("train/cat/bad") == 3
    assert "… and 2 more" in out
    with pytest.raises(DataError):
        run(["check", "config.yaml", "--json"])
    record = json.loads(capsys.readouterr().out)
    names = {each["kind"]: each["names"] for each in record["findings"] if each["where"] == train}
    assert (record["errors"], record["warnings"]) == (2, 8)
    assert len(names["unusable_file"]) == 5
    assert names["contradiction"] == ["dog/3.png (dog) = cat/same.png (cat)"]
    assert names["constant_image"] == ["dog/empty.png"]


def test_bad_files_that_the_config_skips_are_a_warning(place: Path) -> None:
    (place / "train/cat/bad.png").write_bytes(b"no image")
    found = checked("data.on_bad_image=skip")
    assert kinds(found) == {("unusable_file", "data.train"): "warning"}
    assert found.cost is not None


def test_files_that_share_a_source_are_counted_once(place: Path) -> None:
    (place / "train/cat/bad.png").write_bytes(b"no image")
    (finding,) = checked("data.test=0.2", "data.validation=0.2").findings[:1]
    assert finding.what == "1 of 25 files cannot be used"


def test_a_broken_split_does_not_hide_the_others(place: Path) -> None:
    shutil.rmtree(place / "train")
    (place / "test/dog/bad.png").write_bytes(b"no image")
    found = checked("data.validation=nowhere")
    assert kinds(found) == {
        ("unreadable", "data.train"): "error",
        ("unreadable", "data.validation"): "error",
        ("unusable_file", "data.test"): "error",
    }


def test_a_file_in_two_splits_is_an_error(place: Path) -> None:
    os.link(place / "train/dog/3.png", place / "test/dog/again.png")
    found = checked()
    assert kinds(found) == {("file_in_two_splits", "data.test"): "error"}
    assert found.findings[0].names == ("dog/again.png = dog/3.png",)


def test_a_class_that_cannot_be_divided_is_an_error(place: Path) -> None:
    make_images(place / "train/one", 1)
    found = checked("data.test=null", "data.validation=0.2")
    assert kinds(found)["unreadable", "data.train"] == "error"
    assert found.examples == {"train": 25}


def test_columns_and_targets_of_one_value(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [(i / 7, 3, 5) for i in range(30)]
    make_table(tmp_path / "t.csv", ["a", "same\nb", "target"], rows)
    (tmp_path / "config.yaml").write_text(
        "task: regression\ndata: {train: {type: table, path: t.csv}}\n"
        "model: {hidden_layers: [2]}\ntraining: {threads: 1}\n"
    )
    found = checked()
    assert kinds(found) == {
        ("constant_inputs", "data.train"): "warning",
        ("constant_targets", "data.train"): "warning",
    }
    assert found.findings[1].names == (r"same\nb",)


@pytest.mark.parametrize("task", ["multi_label", "segmentation", "autoencoder"])
def test_other_tasks_are_checked_too(task: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    x, _ = images_and_sides()
    x[3], x[4] = 9, x[5]
    targets = {"multi_label": x[:, 0, :2] > 99, "segmentation": np.uint8(x > 127)}
    arrays = {"y": targets[task]} if task in targets else {}
    np.savez(tmp_path / "data.npz", x=x, **arrays)
    (tmp_path / "config.yaml").write_text(
        f"task: {task}\ndata: {{train: data.npz, validation: null}}\n"
        "model: {hidden_layers: [2]}\ntraining: {threads: 1, epochs: 1}\n"
    )
    found = checked()
    assert {each.kind for each in found.findings} >= {"copy", "constant_image"}
    assert found.count("error") == 0
    assert found.cost is not None


@pytest.mark.usefixtures("place")
def test_a_full_batch_optimizer_is_timed() -> None:
    cost = checked("training.optimizer=lbfgs", "training.batch_size=full").cost
    assert cost is not None
    assert (cost.steps_per_epoch, cost.epochs) == (1, 2)


@pytest.mark.usefixtures("place")
def test_mistakes_in_the_config_are_the_configs() -> None:
    with pytest.raises(ConfigError):
        run(["check", "config.yaml", "--set", "training.epochs=0"])


@pytest.mark.parametrize(
    "names",
    [
        ("cat", "Cat"),
        ("red circle", "red_circle"),
        ("red-circle", "RedCircle"),
        ("cat", "c\u0430t"),
        ("A", "\u0391"),
        ("cat", "\uff43at"),
        ("stra\u00dfe", "strasse"),
    ],
)
def test_names_that_look_alike(names: tuple[str, ...]) -> None:
    assert look_alikes(names) == [names]


@pytest.mark.parametrize(
    "names", [("C", "C++"), ("1.5", "15"), ("-1", "1"), ("1", "l"), ("cat", "cats"), ("+", "-")]
)
def test_names_that_differ_enough(names: tuple[str, ...]) -> None:
    assert look_alikes(names) == []
