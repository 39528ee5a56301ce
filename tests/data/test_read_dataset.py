"""From a source to a data set: classes by name, bad images named or skipped, always the same."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pictures import encoded, gradient

from mlptrain.data.digests import digests_of
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.read_dataset import read
from mlptrain.data.sources.folder import Folder
from mlptrain.data.sources.manifest import Manifest
from mlptrain.data.sources.npz import Npz
from mlptrain.data.sources.source import Source
from mlptrain.errors import DataError
from mlptrain.tasks.class_labels import ClassLabels

SETTINGS = ImageSettings()
ALL = ClassLabels()
CLASSES = {"cat": 3, "[red]": 2, "é\n": 1}


def picture(number: int) -> bytes:
    return encoded((gradient(4, 5) + np.uint8(number)).astype(np.uint8), "PNG")


def make(root: Path, classes: dict[str, int] = CLASSES, *, backwards: bool = False) -> Folder:
    """A folder of class folders with so many images each."""
    files = [(f"{name}/{i}.png", i) for name, count in classes.items() for i in range(count)]
    for name, number in reversed(files) if backwards else files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(picture(number))
    return Folder(path=str(root))


def message(source: Source, reader: ClassLabels = ALL, **options: object) -> str:
    with pytest.raises(DataError) as caught:
        read(source, SETTINGS, reader, **options)
    return str(caught.value)


def npz(path: Path, labels: list[object]) -> Npz:
    images = np.stack([gradient(4, 5)[..., 0] + np.uint8(i) for i in range(len(labels))])
    np.savez(path, x=images, y=np.array(labels))
    return Npz(path=str(path))


def test_a_folder_becomes_a_data_set(tmp_path: Path) -> None:
    dataset, settings = read(make(tmp_path), SETTINGS, ALL)
    assert settings.shape == (4, 5, 1)
    assert dataset.targets.names == ("[red]", "cat", "é\n")
    assert dataset.targets.values.tolist() == [0, 0, 1, 1, 1, 2]
    assert dataset.names[:2] == ("[red]/0.png", "[red]/1.png")
    assert dataset.root == str(tmp_path)
    np.testing.assert_array_equal(dataset.inputs[4], gradient(4, 5) + np.uint8(2))


def test_neither_the_order_of_creation_nor_the_place_decides(tmp_path: Path) -> None:
    first, _ = read(make(tmp_path / "a"), SETTINGS, ALL)
    second, _ = read(make(tmp_path / "b", backwards=True), SETTINGS, ALL)
    np.testing.assert_array_equal(first.inputs, second.inputs)
    assert (first.names, first.targets.values.tolist()) == (
        second.names,
        second.targets.values.tolist(),
    )
    assert first.fingerprint() == second.fingerprint()


def test_the_fingerprint_sees_every_change(tmp_path: Path) -> None:
    dataset, _ = read(make(tmp_path), SETTINGS, ALL)
    prints = {dataset.fingerprint()}
    targets, pixels, labels = dataset.targets, dataset.inputs.copy(), dataset.targets.values.copy()
    pixels[-1, -1, -1] ^= 1
    labels[0] = 1
    names, classes = dataset.names, targets.names
    for changed in (
        replace(dataset, inputs=pixels, digests=digests_of(pixels)),
        replace(dataset, targets=replace(targets, values=labels)),
        replace(dataset, targets=replace(targets, names=classes[::-1])),
        replace(dataset, names=("x", *names[1:])),
        replace(dataset, inputs=dataset.inputs.reshape(6, 5, 4, 1)),
        dataset.select(np.arange(5)),
        replace(dataset, weights=np.ones(6, np.float32)),
        replace(dataset, weights=np.nextafter(np.ones(6, np.float32), np.float32(2))),
    ):
        prints.add(changed.fingerprint())
    assert len(prints) == 9
    assert {len(each) for each in prints} == {64}


def test_the_fingerprint_in_a_checkpoint_stays_valid(tmp_path: Path) -> None:
    dataset, _ = read(make(tmp_path), SETTINGS, ALL)
    known = "255e198f8814d69599fc27b7f8cf03f4fdc805d1a46a0b0c9d4c9a10f7f2170d"
    assert dataset.fingerprint() == known


def test_select_takes_examples_along_with_their_names(tmp_path: Path) -> None:
    dataset, _ = read(make(tmp_path), SETTINGS, ALL)
    part = dataset.select(np.array([4, 0]))
    assert (len(part), part.names) == (2, ("cat/2.png", "[red]/0.png"))
    assert part.targets.values.tolist() == [1, 0]
    np.testing.assert_array_equal(next(part.parts()), dataset.inputs[[4, 0]])


def test_other_splits_are_matched_by_name(tmp_path: Path) -> None:
    source = make(tmp_path / "test", {"b": 1, "a": 2})
    dataset, _ = read(source, SETTINGS, ClassLabels(("b", "a")))
    assert dataset.targets.names == ("b", "a")
    assert dataset.targets.values.tolist() == [1, 1, 0]
    found = message(source, ClassLabels(("a", "c", "d")))
    assert found == (
        f"{source.path}: classes 'c', 'd' of the training set missing and class 'b' unknown to "
        "the training set. Its classes must be those of the training set: 'a', 'c', 'd'."
    )


def test_one_class_is_not_enough(tmp_path: Path) -> None:
    assert message(make(tmp_path, {"a": 2})) == (
        f"{tmp_path}: has only one class, 'a'. At least two are needed to tell apart."
    )


def test_every_bad_image_is_named(tmp_path: Path) -> None:
    source = make(tmp_path, {"a": 60, "b": 2})
    for i in range(55):
        (tmp_path / f"a/{i}.png").write_bytes(b"")
    lines = message(source).splitlines()
    assert lines[0] == f"{tmp_path}: 55 of 62 images cannot be used:"
    assert lines[1] == f"  {tmp_path}/a/0.png: is empty"
    assert len(lines) == 1 + 50 + 2
    assert lines[-2] == "  … and 5 more"
    assert lines[-1] == "Repair or remove them, or set data.on_bad_image to skip."


def test_bad_images_can_be_skipped(tmp_path: Path) -> None:
    source = make(tmp_path, {"a": 3, "b": 2})
    (tmp_path / "a/0.png").write_bytes(b"")
    dataset, _ = read(source, SETTINGS, ALL, on_bad_image="skip")
    assert dataset.names == ("a/1.png", "a/2.png", "b/0.png", "b/1.png")
    assert dataset.targets.values.tolist() == [0, 0, 1, 1]
    np.testing.assert_array_equal(dataset.inputs[0], gradient(4, 5) + np.uint8(1))
    assert [bad.path for bad in dataset.skipped] == [f"{tmp_path}/a/0.png"]
    for name in "01":
        (tmp_path / f"b/{name}.png").write_bytes(b"")
    assert message(source, on_bad_image="skip") == (
        f"{tmp_path}: class 'b' without a single readable image. "
        "Each of the 2 classes needs at least one."
    )


def test_nothing_readable_at_all(tmp_path: Path) -> None:
    source = make(tmp_path, {"a": 1, "b": 1})
    for name in "ab":
        (tmp_path / name / "0.png").write_bytes(b"")
    found = f"none of the 2 images can be read. The first: {tmp_path}/a/0.png: is empty"
    assert message(source) == message(source, on_bad_image="skip") == found


def test_a_manifest_gives_the_data_set_of_the_folder(tmp_path: Path) -> None:
    folder, _ = read(make(tmp_path / "set"), SETTINGS, ALL)
    rows = [f'"{name}","{name.split("/")[0]}"' for name in folder.names]
    path = tmp_path / "set/m.csv"
    path.write_text("\n".join(["filepath,label", *rows]), encoding="utf-8")
    listed, _ = read(Manifest(path=str(path)), SETTINGS, ALL)
    assert listed.fingerprint() == folder.fingerprint()
    shutil.move(tmp_path / "set", tmp_path / "moved")
    moved, _ = read(Manifest(path=str(tmp_path / "moved/m.csv")), SETTINGS, ALL)
    assert moved.fingerprint() == folder.fingerprint()


def test_numbers_name_themselves_in_their_order(tmp_path: Path) -> None:
    dataset, _ = read(npz(tmp_path / "d.npz", [*range(11), 10]), SETTINGS, ALL)
    assert dataset.targets.names == tuple(map(str, range(11)))
    assert dataset.targets.values.tolist() == [*range(11), 10]
    assert dataset.names[11] == "d.npz[11]"


def test_numbers_match_a_training_folder_by_name(tmp_path: Path) -> None:
    folder = make(tmp_path / "t", dict.fromkeys(map(str, range(11)), 1))
    training, _ = read(folder, SETTINGS, ALL)
    source = npz(tmp_path / "d.npz", list(range(11)))
    test, _ = read(source, SETTINGS, ClassLabels(training.targets.names))
    names = [test.targets.names[label] for label in test.targets.values]
    assert names == [str(number) for number in range(11)]


def test_label_names_say_what_the_numbers_mean(tmp_path: Path) -> None:
    source = npz(tmp_path / "d.npz", [1, 0, 1])
    dataset, _ = read(source, SETTINGS, ClassLabels(label_names=("shoe", "bag")))
    assert dataset.targets.names == ("shoe", "bag")
    assert dataset.targets.values.tolist() == [1, 0, 1]
    test, _ = read(source, SETTINGS, ClassLabels(("bag", "shoe"), ("shoe", "bag")))
    assert test.targets.values.tolist() == [0, 1, 0]


LABELS = {
    "not named": (
        [0, 2],
        ("a", "b"),
        ": has the label 2, but data.class_names has 2 names, for the labels 0 to 1. "
        "Name all classes, or correct the labels.",
    ),
    "names for names": (
        ["a", "b"],
        ("a", "b"),
        ": its labels are names already, but data.class_names is set, which is for numbers. "
        "Remove it.",
    ),
}


@pytest.mark.parametrize("name", LABELS)
def test_label_errors(name: str, tmp_path: Path) -> None:
    labels, label_names, text = LABELS[name]
    source = npz(tmp_path / "d.npz", labels)
    assert message(source, ClassLabels(label_names=label_names)) == f"{tmp_path}/d.npz{text}"


def test_numbers_may_leave_some_out(tmp_path: Path) -> None:
    dataset, _ = read(npz(tmp_path / "d.npz", [26, 0, 3, 26]), SETTINGS, ALL)
    assert dataset.targets.names == ("0", "3", "26")
    assert dataset.targets.values.tolist() == [2, 0, 1, 2]


def test_arrays_are_brought_to_the_configured_shape(tmp_path: Path) -> None:
    source = npz(tmp_path / "d.npz", [0, 1])
    settings = ImageSettings(mode="rgb", height=2, width=3)
    dataset, resolved = read(source, settings, ALL)
    assert dataset.inputs.shape == (2, 2, 3, 3)
    assert resolved == settings
