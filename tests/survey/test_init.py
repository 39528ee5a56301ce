"""`init` finds what there is; the config it writes loads, and its data can be read and split."""

import gzip
import json
import os
import re
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import yaml
from starting import images_and_sides, make_images, make_table

from mlptrain.cli.app import run
from mlptrain.config.describe import json_schema
from mlptrain.config.load import load_config
from mlptrain.errors import DataError, UsageError
from mlptrain.survey import facts
from mlptrain.survey.start import write_config
from mlptrain.training.datasets import read_splits

ROOT = Path(__file__).parents[2]


def started(data: Path | str, task: str | None = None, at: Path | None = None):
    """The config that `init` writes for `data`, its text, and the examples that it names."""
    path = (at or Path.cwd()) / "config.yaml"
    write_config(str(data), path, task)
    config = load_config(path).config
    return config, path.read_text(), read_splits(config, lambda *_: None)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_a_folder_of_classes_is_split_twice(tmp_path: Path) -> None:
    make_images(tmp_path / "pets/cat", 20)
    make_images(tmp_path / "pets/dog", 30)
    config, text, splits = started("pets")
    assert [len(dataset) for _, dataset in splits] == [32, 8, 10]
    assert (config.task.type, config.data.image.shape) == ("classification", (5, 6, 1))
    assert "50 images in 2 classes of 20 to 30" in text
    assert "train: pets\n" in text.replace("pets ", "pets\n")
    assert config.training.early_stopping is not None


def test_folders_of_splits_are_used_as_they_are(tmp_path: Path) -> None:
    for split, count in ("Training", 12), ("val", 4), ("test", 5):
        for name in "ab":
            make_images(tmp_path / "pets" / split / name, count, first=100 * count)
    _, text, splits = started(tmp_path / "pets")
    assert [len(dataset) for _, dataset in splits] == [24, 8, 10]
    assert f"validation: {tmp_path}/pets/val" in text


def test_a_split_that_cannot_be_used_is_left_out_and_named(tmp_path: Path, capsys) -> None:
    make_images(tmp_path / "pets/train/cat", 12)
    make_images(tmp_path / "pets/train/dog", 12)
    make_images(tmp_path / "pets/test", 3)
    assert run(["init", "pets"]) == 0
    printed = capsys.readouterr()
    assert "the test split is not used: pets/test/0.png: is an image outside" in printed.err
    assert load_config(Path("config.yaml")).config.data.test == 0.2


@pytest.mark.parametrize(
    ("counts", "validation", "test"), [((1, 9), None, None), ((2, 9), 0.2, None)]
)
def test_too_few_images_are_not_split(tmp_path: Path, counts, validation, test) -> None:
    for name, count in zip("ab", counts, strict=True):
        make_images(tmp_path / "pets" / name, count)
    config, text, _ = started("pets")
    assert (config.data.validation, config.data.test) == (validation, test)
    assert f"class a has too few different examples: {counts[0]}" in text
    assert (config.training.early_stopping is None) == (validation is None)


def test_copies_do_not_count_as_images_to_split(tmp_path: Path) -> None:
    make_images(tmp_path / "pets/a", 1)
    make_images(tmp_path / "pets/b", 9)
    for name in ("again", "and_again"):
        shutil.copy(tmp_path / "pets/a/0.png", tmp_path / f"pets/a/{name}.png")
    shutil.copy(tmp_path / "pets/a/0.png", tmp_path / "pets/b/wrong.png")
    config, text, _ = started("pets")
    assert config.data.validation is None
    assert "3 files are copies of another, 1 with another label." in text


def test_mixed_images_get_one_size_and_mode(tmp_path: Path) -> None:
    make_images(tmp_path / "pets/cat", 5, (300, 200), "RGB")
    make_images(tmp_path / "pets/dog", 5, (320, 200))
    (tmp_path / "pets/dog/bad.png").write_bytes(b"no image")
    write_config("pets", Path("config.yaml"), None)
    config = load_config(Path("config.yaml"), ["data.on_bad_image=skip"]).config
    assert config.data.image.shape == (41, 64, 3)
    text = Path("config.yaml").read_text()
    assert "2 sizes from 300×200 to 320×200 (width×height), RGB (5) and grayscale (5)" in text
    assert "1 of 11 files looked at cannot be used, such as pets/dog/bad.png" in text
    assert len(read_splits(config, lambda *_: None).train) == 6


def test_facts_from_a_sample_say_so(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(facts, "_MOST_FILES", 9)
    make_images(tmp_path / "pets/cat", 101, (2, 2))
    make_images(tmp_path / "pets/dog", 101, (2, 2))
    _, text, _ = started("pets")
    assert "by a sample of 200 files" in text
    assert "Copies were not looked for" in text


HOSTILE = [
    "a\nb: [c]",
    "\u202egnp",
    "yes",
    "😀 # x",
    "'\"\\",
    "x" * 200,
    " lead",
    "##[group]",
    "\udcff",
]


def test_hostile_names_stay_within_their_comments(tmp_path: Path) -> None:
    for name in HOSTILE:
        make_images(tmp_path / "a: {b} #c" / name, 3)
    shown = write_config("a: {b} #c", Path("first.yaml"), None).facts
    assert all(map(str.isprintable, shown))
    _, text, splits = started("a: {b} #c")
    assert len(splits.train.targets.names) == len(HOSTILE)
    keys = re.compile(r" *(#.*|[a-z0-9_]+:.*|- \{.*)")
    assert all(keys.fullmatch(line) for line in text.splitlines())
    assert max(map(len, text.splitlines())) <= 100
    assert text.replace("\n", "").isprintable()
    assert "##[" not in text


def test_a_table_names_its_columns_whatever_they_are_called(tmp_path: Path) -> None:
    header = ["id", "a: b #", "no\nyes", "city", "gap", "{target}"]
    rows = [(i, i % 7, i % 3, "Rome", "" if i == 4 else i, i / 7) for i in range(40)]
    make_table(tmp_path / "t.csv", header, rows)
    config, text, splits = started("t.csv")
    assert config.task.targets == ("{target}",)
    assert splits.train.features == ("a: b #", "no\nyes")
    assert "id (numbers the rows), city (holds text), gap (empty in 1 row)" in text


def test_a_table_without_inputs_says_why_no_column_is_one(tmp_path: Path) -> None:
    make_table(tmp_path / "t.csv", ["a", "name", "label"], [(1, "x", "cat"), ("", "y", "dog")])
    with pytest.raises(DataError) as refused:
        write_config("t.csv", Path("config.yaml"), None)
    assert str(refused.value) == (
        "t.csv: has no column of numbers beside the target label: "
        "a (empty in 1 row), name (holds text)."
    )


def test_text_and_few_whole_numbers_in_a_table_are_classes(tmp_path: Path) -> None:
    rows = [(i / 3, "big" if i % 2 else "small") for i in range(40)]
    make_table(tmp_path / "text.csv", ["a", "Class"], rows)
    assert started("text.csv")[0].task.column == "Class"
    make_table(tmp_path / "number.csv", ["target", "a"], [(i % 3, i / 3) for i in range(40)])
    (tmp_path / "config.yaml").unlink()
    assert started("number.csv")[0].task.column == "target"
    (tmp_path / "config.yaml").unlink()
    assert started("number.csv", "regression")[0].task.targets == ("target",)


def test_the_columns_of_a_manifest_say_the_task() -> None:
    scenes = ROOT / "data/scenes"
    tasks = {
        None: "multi_label",
        "segmentation": "segmentation",
        "regression": "regression",
        "autoencoder": "autoencoder",
    }
    for wanted, name in tasks.items():
        path = Path(f"{name}.yaml")
        write_config(str(scenes), path, wanted)
        assert load_config(path).config.task.type == name
    _, text, splits = started(scenes, "segmentation")
    assert [len(dataset) for _, dataset in splits] == [1080, 120, 300]
    assert "values in masks: 0, 1, 2, 255" in text
    assert splits.train.targets.names == ("0", "1", "2")
    Path("config.yaml").unlink()
    with pytest.raises(DataError, match=r"not fit the task classification\. It fits: multi_l"):
        started(scenes, "classification")


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4) for n in array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


def test_arrays_in_files_of_every_kind(tmp_path: Path) -> None:
    x, y = images_and_sides()
    (tmp_path / "idx").mkdir()
    for name, part in ("train", np.s_[:20]), ("t10k", np.s_[20:]):
        write_idx(tmp_path / f"idx/{name}-images-idx3-ubyte.gz", x[part])
        write_idx(tmp_path / f"idx/{name}-labels-idx1-ubyte.gz", y[part])
    (tmp_path / "npy").mkdir()
    for name, part in ("train", np.s_[:20]), ("test", np.s_[20:]):
        np.save(tmp_path / f"npy/x_{name}.npy", x[part])
        np.save(tmp_path / f"npy/y_{name}.npy", y[part])
    splits = {"x_train": x[:20], "y_train": y[:20], "x_test": x[20:], "y_test": y[20:]}
    np.savez(tmp_path / "splits.npz", **splits)
    for data in ("idx", "idx/train-images-idx3-ubyte.gz", "npy", "npy/x_train.npy", "splits.npz"):
        config, _, found = started(data)
        assert config.task.type == "classification", data
        assert [len(dataset) for _, dataset in found] == [16, 4, 10], data
        Path("config.yaml").unlink()


@pytest.mark.parametrize(
    ("name", "targets"),
    [
        ("regression", lambda x: x.mean((1, 2))),
        ("multi_label", lambda x: x[:, 0, :2] > 99),
        ("segmentation", lambda x: np.uint8(x > 127)),
    ],
)
def test_the_targets_in_an_array_say_the_task(tmp_path: Path, name: str, targets) -> None:
    x, _ = images_and_sides()
    np.savez(tmp_path / "data.npz", x=x, y=targets(x))
    config, _, splits = started("data.npz")
    assert (config.task.type, len(splits.train)) == (name, 19)


def test_paths_lead_from_the_config_to_the_data(tmp_path: Path, monkeypatch) -> None:
    make_images(tmp_path / "data/~pets/a", 5)
    make_images(tmp_path / "data/~pets/b", 5)
    (tmp_path / "data/configs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data/configs")
    _, text, _ = started("data/~pets", at=tmp_path / "link")
    assert yaml.safe_load(text)["data"]["train"] == "../~pets"
    monkeypatch.chdir(tmp_path / "data")
    _, text, _ = started("~pets")
    assert yaml.safe_load(text)["data"]["train"] == f"{tmp_path}/data/~pets"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    make_images(tmp_path / "pets/a", 5)
    make_images(tmp_path / "pets/b", 5)
    (tmp_path / "config.yaml").write_text("mine")
    (tmp_path / "mlptrain.schema.json").write_text("mine, too")
    with pytest.raises(UsageError, match=r"config\.yaml: is there already"):
        run(["init", "pets"])
    assert run(["init", "pets", "-o", "other.yaml"]) == 0
    assert (tmp_path / "config.yaml").read_text() == "mine"
    assert (tmp_path / "mlptrain.schema.json").read_text() == "mine, too"


def test_an_editor_finds_the_schema_beside_the_config(tmp_path: Path, capsys) -> None:
    make_images(tmp_path / "pets/a", 5)
    make_images(tmp_path / "pets/b", 5)
    (tmp_path / "configs").mkdir()
    assert run(["init", "pets", "-o", "configs/my pets.yaml"]) == 0
    first = (tmp_path / "configs/my pets.yaml").read_text().splitlines()[0]
    schema = first.removeprefix("# yaml-language-server: $schema=")
    assert json.loads((tmp_path / "configs" / schema).read_text()) == json_schema()
    config = yaml.safe_load((tmp_path / "configs/my pets.yaml").read_text())
    jsonschema.validate(config, json_schema())
    assert "\n      mlptrain train 'configs/my pets.yaml'\n" in capsys.readouterr().out


def make_broken(place: Path) -> None:
    for name in "ab":
        make_images(place / name, 1)
        (place / name / "0.png").write_bytes(b"no image")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda _: None, "does not exist"),
        (lambda place: make_images(place, 3), "is an image outside of a class folder"),
        (lambda place: make_images(place / "a", 3), "has only one class"),
        (lambda place: (place / "a").mkdir(parents=True), "holds no images"),
        (lambda place: place.write_text("text"), "is no file of examples"),
        (make_broken, r"is not an image .* So it is with all 2 files"),
    ],
)
def test_data_that_cannot_be_trained_on_gets_no_config(tmp_path: Path, make, message) -> None:
    make(tmp_path / "pets")
    with pytest.raises(DataError, match=message):
        run(["init", "pets"])
    assert not os.path.lexists("config.yaml")


def test_several_tables_are_a_question(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for name in ("one", "two"):
        make_table(tmp_path / f"many/{name}.csv", ["a", "target"], [(1, 2)])
    with pytest.raises(DataError, match=r"holds several files of examples: one.csv, two.csv"):
        run(["init", "many"])


def test_a_name_that_yaml_cannot_hold_is_refused(tmp_path: Path) -> None:
    place = os.fsdecode(bytes(tmp_path) + b"/\xff")
    make_images(Path(place) / "a", 3)
    make_images(Path(place) / "b", 3)
    with pytest.raises(UsageError, match="is not UTF-8, and a config must be"):
        run(["init", place])
    assert not os.path.lexists("config.yaml")
