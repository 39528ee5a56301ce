"""A held-out number comes from held-out images: what eval measures, what resume leaves alone, and
what train refuses or says about images that are in two places."""

import csv
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tiny_runs import CONFIG, differing, make_project, mlptrain, strict_json

from mlptrain.errors import ConfigError, DataError
from mlptrain.tasks.metrics.measure import value_of
from mlptrain.training import checkpoint
from mlptrain.training.datasets import Splits
from mlptrain.training.evaluated_model import EvaluatedModel, evaluate_model
from mlptrain.training.setup import prepare_run
from mlptrain.training.signals import StopRequest
from mlptrain.training.trained_model import load_model


def train_here(folder: Path, *overrides: str, config: str = CONFIG) -> Splits:
    """Train in this process; the run is folder/run."""
    (folder / "tiny.yaml").write_text(config)
    with (
        StopRequest() as stop,
        prepare_run(
            folder / "tiny.yaml",
            ("training.epochs=1", *overrides),
            folder / "run",
            resume=False,
            reading=lambda *_: None,
        ) as job,
    ):
        list(job.train(stop))
        return job.splits


def evaluated(folder: Path, split: str = "validation", data: str | None = None) -> EvaluatedModel:
    chosen = None if data else split
    model = load_model(folder / "run/best.safetensors")
    return evaluate_model(model, chosen, data, lambda *_: None)


def listed(folder: Path, split: str) -> list[dict[str, str]]:
    text = (folder / "run/split.csv").read_text("utf-8")
    return [row for row in csv.DictReader(text.splitlines()) if row["split"] == split]


def picture(path: Path, number: int) -> None:
    """Another 8×8 image for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(number).integers(0, 256, (8, 8)).astype(np.uint8)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """A folder with data and a run, both to be changed."""
    make_project(tmp_path)
    train_here(tmp_path)
    return tmp_path


def test_added_images_are_not_evaluated(trained: Path) -> None:
    before = {split: evaluated(trained, split) for split in ("train", "validation", "test")}
    for split in ("train", "test"):
        for number in range(10):
            picture(trained / "data" / split / f"{number % 2}/00{number}.png", number)
        picture(trained / "data" / split / "new class/1.png", 11)
    for split, then in before.items():
        now = evaluated(trained, split)
        assert now.outcome.loss == then.outcome.loss
        np.testing.assert_array_equal(now.outcome.confusion, then.outcome.confusion)
        assert "11 images here are not of this run and not evaluated. --data" in now.notes[-1]
        assert then.notes == ()
    assert [before[split].trained_on for split in before] == [18, 0, 0]


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize("change", ["removed", "renamed", "relabelled", "overwritten"])
def test_what_is_no_longer_the_run_s_is_named(trained: Path, split: str, change: str) -> None:
    name = listed(trained, split)[0]["name"]
    folder = trained / "data" / ("test" if split == "test" else "train")
    if change == "removed":
        (folder / name).unlink()
    elif change == "renamed":
        (folder / name).rename(folder / "0/new.png")
    elif change == "relabelled":
        (folder / name).rename(folder / "1/new.png")
    else:
        picture(folder / name, 0)
    with pytest.raises(DataError) as caught:
        evaluated(trained, split)
    lines = str(caught.value).splitlines()
    total = len(listed(trained, split))
    assert f"1 of the {total} {split} images of the run are not as they were" in lines[0]
    assert lines[1] == f"  {name}: " + (
        "has other pixels" if change == "overwritten" else "is missing"
    )
    assert ("  not in the run:" in str(caught.value)) == (change[0:3] in ("ren", "rel"))
    others = {"train", "validation", "test"} - {split}
    assert all(evaluated(trained, other).outcome.examples for other in others)


def test_a_label_changed_in_a_manifest_is_named(tmp_path: Path) -> None:
    make_project(tmp_path)
    rows = [f"data/train/{label}/{number}.png,{label}" for number in range(9) for label in "ab"]
    for number, row in enumerate(rows):
        picture(tmp_path / row.partition(",")[0], number)
    (tmp_path / "m.csv").write_text("\n".join(["filepath,label", *rows]))
    train_here(tmp_path, "data.train=m.csv", "data.test=null")
    name = listed(tmp_path, "validation")[0]["name"]
    text = (tmp_path / "m.csv").read_text()
    (tmp_path / "m.csv").write_text(text.replace(f"{name},a", f"{name},b"))
    with pytest.raises(DataError, match=rf"  {name}: is 'b', was 'a'\n"):
        evaluated(tmp_path)


def test_a_checkpoint_alone_evaluates_the_same_images_or_none(trained: Path) -> None:
    expected, name = evaluated(trained), listed(trained, "test")[0]["name"]
    (trained / "run/split.csv").unlink()
    alone = evaluated(trained)
    assert (alone.outcome.loss, alone.trained_on) == (expected.outcome.loss, None)
    for number in range(10):
        picture(trained / f"data/train/0/new{number}.png", number)
    for split in ("train", "validation"):
        with pytest.raises(DataError, match="not those that the model was trained with"):
            evaluated(trained, split)
    assert evaluated(trained, "test").outcome.examples == 10
    (trained / "data/test" / name).rename(trained / "data/test/1/new.png")
    with pytest.raises(DataError, match="not those that the model was trained with"):
        evaluated(trained, "test")


def test_a_split_table_of_another_run_is_refused(trained: Path) -> None:
    table = trained / "run/split.csv"
    text = table.read_text()
    for wrong in (text.replace("validation,", "train,", 1), text[:-9], "", "a,b\n", '"'):
        table.write_text(wrong)
        with pytest.raises(DataError, match=r"split\.csv: "):
            evaluated(trained)


def test_other_data_may_lack_classes_and_leaves_out_trained_images(trained: Path) -> None:
    shutil.copytree(trained / "data/train/1", trained / "other/1")
    picture(trained / "other/1/new.png", 0)
    result = evaluated(trained, data=str(trained / "other"))
    outcome = result.outcome
    trained_on = sum(row["label"] == "1" for row in listed(trained, "train"))
    assert (result.trained_on, result.left_out) == (0, trained_on)
    assert (outcome.examples, outcome.missing) == (13 - trained_on, ("0",))
    assert outcome.support.tolist() == [0, 13 - trained_on]
    (note,) = (each for each in result.notes if "left out" in each)
    assert f"was trained on {trained_on} of the 13 examples here; they are left out" in note
    assert value_of("macro_recall", outcome) == outcome.accuracy
    picture(trained / "other/9/new.png", 1)
    with pytest.raises(DataError, match="class '9' unknown to the training set"):
        evaluated(trained, data=str(trained / "other"))


def test_a_fraction_as_test_split_leaves_the_rest_to_the_others(tmp_path: Path) -> None:
    make_project(tmp_path)
    shutil.copy(tmp_path / "data/train/0/0010.png", tmp_path / "data/train/0/copy.png")
    tested = []
    for validation, left in (("0.25", 5), ("data/test", 10), ("null", 0)):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        others = (f"data.validation={validation}", "training.early_stopping=null")
        train_here(tmp_path, "data.test=0.2", *others)
        rows = {split: listed(tmp_path, split) for split in ("train", "validation", "test")}
        sizes = {split: len(each) for split, each in rows.items()}
        assert sizes == {"train": 15 if left == 5 else 20, "validation": left, "test": 5}
        assert {row["label"] for row in rows["test"]} == {"0", "1"}
        digests = [{row["digest"] for row in each} for each in rows.values()]
        assert sum(map(len, digests)) == len(set().union(*digests))  # copies are together
        tested.append(rows["test"])
    assert tested[0] == tested[1] == tested[2]


def test_a_run_with_a_fraction_as_test_split_is_evaluated_and_resumed(tmp_path: Path) -> None:
    make_project(tmp_path)
    train_here(tmp_path, "data.test=0.2")
    expected = evaluated(tmp_path, "test").outcome
    (tmp_path / "run/split.csv").rename(tmp_path / "kept.csv")
    alone = evaluated(tmp_path, "test").outcome  # drawn anew
    assert (alone.examples, alone.loss) == (expected.examples, expected.loss)
    config, run = tmp_path / "tiny.yaml", tmp_path / "run"
    arguments = (config, ("data.test=0.2", "training.epochs=2"), run)
    with prepare_run(*arguments, resume=True, reading=lambda *_: None) as resumed:
        assert resumed.progress.epoch == 1
    arguments = (config, ("data.test=0.3", "training.epochs=2"), run)
    with (
        pytest.raises(ConfigError, match=r"  data\.test: 0\.2 then, 0\.3 now\n"),
        prepare_run(*arguments, resume=True, reading=lambda *_: None),
    ):
        pass
    for number in range(10):
        picture(tmp_path / f"data/train/0/new{number}.png", number)
    (tmp_path / "run/split.csv").unlink()
    with pytest.raises(DataError, match="its test split cannot be drawn again"):
        evaluated(tmp_path, "test")
    (tmp_path / "kept.csv").rename(tmp_path / "run/split.csv")
    again = evaluated(tmp_path, "test")
    assert again.outcome.loss == expected.loss
    assert "10 images here are not of this run" in again.notes[-1]


def test_a_validation_fraction_alone_is_drawn_as_ever(trained: Path) -> None:
    """Resuming and reproducing older runs depends on it."""
    drawn = [row["name"] for row in listed(trained, "validation")]
    held_out = {"0": ["0049", "0072", "0101"], "1": ["0011", "0090", "0093"]}
    assert drawn == [f"{label}/{name}.png" for label in held_out for name in held_out[label]]


def test_a_class_that_is_used_up_by_the_test_split_is_named(tmp_path: Path) -> None:
    make_project(tmp_path)
    for path in sorted((tmp_path / "data/train/1").iterdir())[2:]:
        path.unlink()
    with pytest.raises(DataError, match=r"^class '1': has one example outside the test split, but"):
        train_here(tmp_path, "data.test=0.5")


def test_data_that_was_trained_on_as_a_whole_is_refused(trained: Path) -> None:
    for row in listed(trained, "train"):
        target = trained / "other" / row["name"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(trained / "data/train" / row["name"], target)
    with pytest.raises(DataError, match=r"was trained on all .* examples here.*--split train"):
        evaluated(trained, data=str(trained / "other"))


@pytest.mark.slow
@pytest.mark.parametrize("test", ["null", "other", "data/test"])
def test_a_run_that_has_ended_is_not_rewritten(trained: Path, test: str) -> None:
    shutil.copytree(trained / "data/test", trained / "other")
    picture(trained / "other/0/new.png", 0)
    run = trained / "run"
    files = sorted(set(run.iterdir()) - {run / ".lock"})
    before = [(path.read_bytes(), path.stat().st_mtime_ns) for path in files]
    overrides = ("--set", "training.epochs=1", "--set", f"data.test={test}")
    arguments = ("train", "tiny.yaml", "--run-dir", "run", "--resume", *overrides)
    ended = mlptrain(trained, *arguments)
    assert sorted(set(run.iterdir()) - {run / ".lock"}) == files
    assert [(path.read_bytes(), path.stat().st_mtime_ns) for path in files] == before
    assert ("data.test: is not what run was tested on" in ended.stderr) == (test != "data/test")
    assert ("\ntest " in ended.stdout) == (test == "data/test")


@pytest.mark.slow
def test_an_ended_run_without_its_summary_gets_it_back(trained: Path) -> None:
    shutil.copytree(trained / "run", trained / "before")
    (trained / "run/summary.json").unlink()
    arguments = ("train", "tiny.yaml", "--run-dir", "run", "--resume")
    mlptrain(trained, *arguments, "--set", "training.epochs=1")
    assert differing(trained / "run", trained / "before") in ([], ["summary.json"])
    now, then = (
        strict_json((trained / name / "summary.json").read_text()) for name in ("run", "before")
    )
    assert (now["reason"], now["test"]) == (then["reason"], then["test"])


def test_copies_stay_on_one_side_and_are_named(tmp_path: Path) -> None:
    make_project(tmp_path)
    rows = []
    for number in range(12):
        name = f"data/train/{number % 2}/{number}.png"
        picture(tmp_path / name, number)
        shutil.copy(tmp_path / name, tmp_path / f"data/copy{number}.png")
        (tmp_path / f"data/link{number}.png").symlink_to(tmp_path / name)
        spellings = (name, f"./{name}", f"data/copy{number}.png", f"data/link{number}.png")
        rows += [f"{each},{number % 2}" for each in spellings]
    (tmp_path / "m.csv").write_text("\n".join(["filepath,label", *rows]))
    splits = train_here(tmp_path, "data.train=m.csv", "data.test=null")
    digests = [{row["digest"] for row in listed(tmp_path, s)} for s in ("train", "validation")]
    assert digests[0].isdisjoint(digests[1])
    assert Counter(row["label"] for row in listed(tmp_path, "validation")) == {"0": 4, "1": 4}
    assert splits.notes == (
        f"{tmp_path}/m.csv: 36 of 48 images are copies of others, pixel by pixel: "
        "./data/train/0/0.png = data/train/0/0.png, data/copy0.png = data/train/0/0.png, "
        "data/link0.png = data/train/0/0.png … and 33 more. Copies stay on one side of a split.",
    )


@pytest.mark.parametrize("spelling", ["./a.png", "b/../a.png", "link.png", "hard.png"])
def test_one_file_has_one_label(tmp_path: Path, spelling: str) -> None:
    make_project(tmp_path)
    for number, name in enumerate(("a.png", "b/c.png", "d.png", "e.png")):
        picture(tmp_path / name, number)
    (tmp_path / "link.png").symlink_to("a.png")
    (tmp_path / "hard.png").hardlink_to(tmp_path / "a.png")
    rows = ["a.png,x", "b/c.png,x", "d.png,y", f"{spelling},y"]
    (tmp_path / "m.csv").write_text("\n".join(["filepath,label", *rows]))
    with pytest.raises(DataError) as caught:
        train_here(tmp_path, "data.train=m.csv", "data.test=null")
    assert str(caught.value) == (
        f"{tmp_path}/m.csv: a.png ('x') and {spelling} ('y') in lines 2 and 5 are one file. "
        "One file has one label. Remove one of them."
    )


def test_equal_pixels_with_two_labels_are_a_warning(tmp_path: Path) -> None:
    make_project(tmp_path)
    picture(tmp_path / "data/train/0/same.png", 0)
    shutil.copy(tmp_path / "data/train/0/same.png", tmp_path / "data/train/1/also.png")
    splits = train_here(tmp_path)
    assert splits.notes[-1] == (
        f"{tmp_path}/data/train: warning: equal pixels have different labels: "
        "1/also.png ('1') = 0/same.png ('0'). At most one label of each can be right."
    )


def overlap(folder: Path, kind: str) -> tuple[str, ...]:
    if kind == "the same folder":
        return ("data.test=data/train",)
    if kind == "a link":
        (folder / "data/link").symlink_to("train")
        return ("data.test=data/link",)
    if kind == "validation and test":
        return ("data.validation=data/test",)
    names = sorted((folder / "data/train/0").iterdir()) + sorted((folder / "data/test/1").iterdir())
    rows = [f"{name},{name.parent.name}" for name in names]
    (folder / "m.csv").write_text("\n".join(["filepath,label", *rows]))
    return ("data.test=m.csv",)


@pytest.mark.parametrize("kind", ["the same folder", "a link", "a manifest", "validation and test"])
def test_one_file_is_in_one_split(tmp_path: Path, kind: str) -> None:
    make_project(tmp_path)
    with pytest.raises(DataError, match=r"^data\.test: .* is the same file as .* of data\.[tv]"):
        train_here(tmp_path, *overlap(tmp_path, kind))
    assert not (tmp_path / "run").exists()


def test_equal_pixels_in_two_splits_are_counted_and_named(tmp_path: Path) -> None:
    make_project(tmp_path)
    image = sorted((tmp_path / "data/train/0").iterdir())[0]
    shutil.copy(image, tmp_path / "data/test/0/copy.png")
    notes = train_here(tmp_path).notes
    assert len(notes) == 1
    assert f"1 of 11 images have the pixels of images in data.{where(tmp_path, image)}" in notes[0]
    assert f"0/copy.png = 0/{image.name}" in notes[0]
    summary = strict_json((tmp_path / "run/summary.json").read_text())
    assert summary["copies_across_splits"] == {"validation": 0, "test": 1}


def where(folder: Path, image: Path) -> str:
    rows: list[dict[str, Any]] = listed(folder, "train")
    return "train" if f"0/{image.name}" in {row["name"] for row in rows} else "validation"


def test_a_class_name_with_comma_and_quote_is_read_back(tmp_path: Path) -> None:
    make_project(tmp_path)
    name = 'a,"b"\r'
    (tmp_path / "data/train/0").rename(tmp_path / "data/train" / name)
    (tmp_path / "data/train/1").rename(tmp_path / "data/train/c\udcff")
    train_here(tmp_path, "data.test=null")
    text = (tmp_path / "run/split.csv").read_bytes().decode()
    with (tmp_path / "run/split.csv").open(newline="") as file:
        assert {row["label"] for row in csv.DictReader(file)} == {name, "c\\xff"}
    assert text.count("\n") == 1 + 24
    assert evaluated(tmp_path).outcome.examples == 6


def test_normalization_is_of_the_training_images_alone(trained: Path) -> None:
    paths = [trained / "data/train" / row["name"] for row in listed(trained, "train")]
    pixels = np.stack([np.asarray(Image.open(path)) for path in paths]) / 255
    saved = checkpoint.load(trained / "run/last.safetensors").state.normalization
    assert saved.mean == pytest.approx((pixels.mean(),), rel=1e-12)
    assert saved.std == pytest.approx((pixels.std(),), rel=1e-12)


def test_skipped_images_are_in_the_summary(tmp_path: Path) -> None:
    make_project(tmp_path)
    bad = [tmp_path / "data" / split / "0/bad.png" for split in ("train", "test")]
    for path in bad:
        path.write_bytes(b"")
    train_here(tmp_path, "data.on_bad_image=skip")
    summary = strict_json((tmp_path / "run/summary.json").read_text())
    expected = [{"path": str(path), "reason": "is empty"} for path in bad]
    assert summary["skipped_images"] == expected
    assert evaluated(tmp_path).outcome.examples == 6
