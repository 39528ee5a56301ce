"""How targets are read: what is found, and what is wrong with them, by file and line."""

from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from task_runs import SCENES, scenes, write_table

from mlptrain.data.dataset import Dataset
from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.read_dataset import read
from mlptrain.data.sources.folder import Folder
from mlptrain.data.sources.manifest import Manifest
from mlptrain.data.sources.npy import Npy
from mlptrain.data.sources.npz import Npz
from mlptrain.data.sources.source import Source
from mlptrain.data.sources.table import Table
from mlptrain.data.targets import IGNORED, InputTargets, LabelTargets, MaskTargets, NumberTargets
from mlptrain.errors import DataError
from mlptrain.paths import opened
from mlptrain.tasks.autoencoder import Autoencoder
from mlptrain.tasks.classification import Classification
from mlptrain.tasks.multi_label import MultiLabel
from mlptrain.tasks.regression import Regression
from mlptrain.tasks.segmentation import Segmentation
from mlptrain.tasks.task import TargetSpec, Task


def dataset(
    task: Task,
    source: Source,
    names: tuple[str, ...] | None = None,
    known: TargetSpec | None = None,
    weight: str | None = None,
) -> Dataset:
    """What `task` reads from `source`."""
    return read(source, ImageSettings(), task.reader(names, known), weight=weight)[0]


def table(folder: Path, **columns: str | list[str]) -> Manifest:
    """A manifest of four scenes with some columns replaced, or given anew."""
    rows = scenes("train", 4)
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return Manifest(path=str(write_table(folder / "t.csv", rows)))


def test_numbers_of_classes_may_be_any(tmp_path: Path) -> None:
    y = np.array([7, 2**63 - 1, 0, 7])
    np.savez(tmp_path / "d.npz", x=np.zeros((4, 2, 2), np.uint8), y=y)
    found = dataset(Classification(), Npz(path=str(tmp_path / "d.npz"))).targets
    assert found.names == ("0", "7", "9223372036854775807")
    np.testing.assert_array_equal(found.values, [1, 2, 0, 1])


def test_labels_are_separated_by_bars_and_may_be_missing(tmp_path: Path) -> None:
    found = dataset(MultiLabel(), table(tmp_path, labels=["b|a", "", "a", "c"])).targets
    assert isinstance(found, LabelTargets)
    assert found.names == ("a", "b", "c")
    np.testing.assert_array_equal(found.values, [[1, 1, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1]])
    assert found.texts() == ["a|b", "", "a", "c"]


def test_labels_of_an_array_are_columns(tmp_path: Path) -> None:
    y = np.array([[1, 0], [0, 0], [1, 1]])
    np.savez(tmp_path / "d.npz", x=np.zeros((3, 2, 2), np.uint8), y=y)
    found = dataset(MultiLabel(), Npz(path=str(tmp_path / "d.npz")), ("sun", "rain")).targets
    assert found.names == ("sun", "rain")
    np.testing.assert_array_equal(found.values, y)


def test_numbers_are_standardized_for_the_network_alone(tmp_path: Path) -> None:
    source = table(tmp_path, angle=["1", "2", "3", "-1e3"], length=["7", "7", "7", "7"])
    found = dataset(Regression(targets=("angle", "length")), source).targets
    assert isinstance(found, NumberTargets)
    np.testing.assert_array_equal(found.values[:, 0], [1, 2, 3, -1000])
    encoded = found.encoded
    assert encoded[:, 0].mean() == pytest.approx(0, abs=1e-6)
    assert encoded[:, 0].std() == pytest.approx(1, rel=1e-6)
    np.testing.assert_array_equal(encoded[:, 1], 0)  # constant
    spec = Regression().spec(found)
    again = Regression().predictions(encoded, spec)
    np.testing.assert_allclose(again, found.values, atol=1e-4)  # of a deviation of 433


def test_another_split_is_standardized_as_the_training_set(tmp_path: Path) -> None:
    known = TargetSpec(names=("angle",), mean=(10.0,), std=(4.0,))
    source = table(tmp_path, angle=["10", "14", "2", "12"])
    found = dataset(Regression(targets=("angle",)), source, known=known).targets
    np.testing.assert_array_equal(found.encoded[:, 0], [0, 1, -2, 0.5])


def test_an_array_of_several_numbers_has_several_targets(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 4)))
    np.save(tmp_path / "y.npy", np.arange(6.0).reshape(3, 2))
    source = Npy(inputs=str(tmp_path / "x.npy"), targets=str(tmp_path / "y.npy"))
    assert dataset(Regression(), source).targets.names == ("target_1", "target_2")


def test_an_autoencoder_needs_no_classes(tmp_path: Path) -> None:
    """Images may lie in the folder itself, or anywhere below it."""
    (tmp_path / "deep").mkdir()
    for name in ("a.png", "deep/b.png"):
        (tmp_path / name).write_bytes((SCENES / "test/images/0000.png").read_bytes())
    found = dataset(Autoencoder(), Folder(path=str(tmp_path)))
    assert found.names == ("a.png", "deep/b.png")
    assert isinstance(found.targets, InputTargets)


def mask(path: Path, values: object, mode: str = "L") -> str:
    """A mask file."""
    array = np.array(values, np.uint8)
    image = Image.fromarray(array)
    if mode == "P":
        image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    image.save(path)
    return str(path)


def masked(folder: Path, *values: NDArray[np.uint8], mode: str = "L") -> Manifest:
    """A manifest of images 4×3 and their masks."""
    rows = []
    for index, each in enumerate(values):
        pixels = np.full((*each.shape, 3), 10 * index, np.uint8)
        Image.fromarray(pixels).save(folder / f"{index}.png")
        name = mask(folder / f"mask{index}.png", each, mode)
        rows.append({"filepath": f"{index}.png", "mask": name})
    return Manifest(path=str(write_table(folder / "t.csv", rows)))


@pytest.mark.parametrize("mode", ["L", "P"])
def test_masks_hold_class_numbers(tmp_path: Path, mode: str) -> None:
    """Gray levels or palette indices; the colours of the palette mean nothing."""
    first = np.array([[0, 1, 2, 2], [0, 0, 1, 1], [2, 0, 0, 0]], np.uint8)
    second = np.zeros_like(first)
    second[0, 0] = 1
    found = dataset(Segmentation(), masked(tmp_path, first, second, mode=mode)).targets
    assert isinstance(found, MaskTargets)
    assert found.names == ("0", "1", "2")
    np.testing.assert_array_equal(found.values[0].reshape(3, 4), first)


def test_masks_of_few_bits_keep_their_numbers(tmp_path: Path) -> None:
    """Pillow spreads the levels of a 1-bit gray PNG over 0 and 255."""
    values = np.array([[0, 1], [1, 1]], np.uint8)
    source = masked(tmp_path, values, values[::-1])
    Image.fromarray(values * 255).convert("1").save(tmp_path / "mask0.png")
    found = dataset(Segmentation(), source).targets
    np.testing.assert_array_equal(found.values[0].reshape(2, 2), values)


def test_ignored_pixels_have_no_class(tmp_path: Path) -> None:
    values = np.array([[0, 7], [255, 0]], np.uint8)
    found = dataset(Segmentation(ignore_index=255), masked(tmp_path, values)).targets
    assert found.names == ("0", "7")
    np.testing.assert_array_equal(found.values, [[0, 1, IGNORED, 0]])
    assert found.amounts(slice(0, 1), None).tolist() == [3]


def test_masks_are_resized_without_new_classes(tmp_path: Path) -> None:
    values = np.zeros((8, 8), np.uint8)
    values[:, 4:] = 2
    reader = Segmentation().reader(None)
    settings = ImageSettings(mode="rgb", height=4, width=4)
    found, _ = read(masked(tmp_path, values), settings, reader)
    np.testing.assert_array_equal(found.targets.values[0].reshape(4, 4), [[0, 0, 1, 1]] * 4)


SIZES = [ImageSettings(), ImageSettings(mode="rgb", height=2, width=2)]


@pytest.mark.parametrize("settings", SIZES)
def test_a_mask_has_the_size_of_its_image(tmp_path: Path, settings: ImageSettings) -> None:
    """Before both are resized."""
    values = [np.full((3, 4), index % 2, np.uint8) for index in range(3)]
    source = masked(tmp_path, *values)
    mask(tmp_path / "mask1.png", np.ones((4, 3)))
    (tmp_path / "mask2.png").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        read(source, settings, Segmentation().reader(None))
    assert str(caught.value) == (
        f"{tmp_path}/t.csv: 2 of 3 masks cannot be used:\n"
        f"  {tmp_path}/mask1.png: is 3×4, but its image ({tmp_path}/1.png) is 4×3; a mask has a "
        "value for each pixel of its image\n"
        f"  {tmp_path}/mask2.png: is empty\n"
        "Repair or remove them, or set data.on_bad_image to skip."
    )


@pytest.mark.parametrize("settings", SIZES)
def test_where_bad_images_are_skipped_so_are_bad_masks(
    tmp_path: Path, settings: ImageSettings
) -> None:
    values = [np.full((3, 4), index, np.uint8) for index in range(4)]
    source = masked(tmp_path, *values)
    (tmp_path / "0.png").write_bytes(b"")
    mask(tmp_path / "mask1.png", np.ones((4, 3)))
    found, _ = read(source, settings, Segmentation().reader(None), on_bad_image="skip")
    assert found.names == ("2.png", "3.png")
    assert found.targets.names == ("2", "3")
    assert [set(row) for row in found.targets.values.tolist()] == [{0}, {1}]
    assert [set(part.reshape(-1)) for part in next(found.parts())] == [{20}, {30}]
    assert [bad.path for bad in found.skipped] == [f"{tmp_path}/{n}.png" for n in ("0", "mask1")]


def test_a_mask_has_the_size_of_its_image_upright(tmp_path: Path) -> None:
    values = np.array([[0, 1, 0, 1]] * 3, np.uint8)
    source = masked(tmp_path, values)
    lying = Image.new("RGB", (3, 4))
    lying.getexif()[0x0112] = 6
    for name in ("0.png", "0.jpeg"):
        lying.save(tmp_path / name, exif=lying.getexif())
        (tmp_path / name).rename(tmp_path / "0.png")
        found = dataset(Segmentation(), source)
        assert found.inputs.shape == (1, 3, 4, 3)
        assert found.targets.values.tolist() == [[0, 1, 0, 1] * 3]


def test_a_table_s_other_columns_are_features(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a,label,b,w\n1,x,2,0.5\n3,y,4.5,2\n")
    found = dataset(Classification(), Table(path=str(path)), weight="w")
    assert found.features == ("a", "b")
    np.testing.assert_array_equal(found.inputs, [[1, 2], [3, 4.5]])
    assert found.targets.texts() == ["x", "y"]
    np.testing.assert_array_equal(found.weights, [0.5, 2])
    chosen = Table(path=str(path), features=("b",))
    np.testing.assert_array_equal(dataset(Classification(), chosen).inputs, [[2], [4.5]])


@pytest.mark.parametrize("features", [None, ("a",)])
def test_a_table_is_read_once(
    features: tuple[str, ...] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that its columns and its rows are of one file, also while another program writes it."""
    (tmp_path / "t.csv").write_text("a,label\n1,x\n2,y\n")
    paths = []

    def noting(path: str) -> AbstractContextManager[tuple[IO[bytes], int]]:
        paths.append(path)
        return opened(path)

    monkeypatch.setattr("mlptrain.data.sources.table_file.opened", noting)
    source = Table(path=str(tmp_path / "t.csv"), features=features)
    assert source.content().features == ("a",)
    assert paths == [source.path]


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ("a;b;label\n1;2;x\n", 1, "are separated by semicolons"),
        ("a,b,label\n1,,x\n", 2, "b is missing"),
        ("a,b,label\n1,2,x\n1,many,y\n", 3, "b is 'many'"),
        ("a,b,label\n1,nan,x\n", 2, "b is 'nan'"),
        ("a,b,label\n1,inf,x\n", 2, "b is 'inf'"),
        ("a,b,label\n1,2,x\n3,4,\n", 3, "label is empty"),
        ("a,b,label\n1,2\n", 2, "has 2 values"),
        ("a,b,c\n1,2,3\n", 1, "The first line must name a,b,c,label."),
        ("a,b,c,d,e\n1,2,3,4,5\n", 1, "(5 in all). The first line must name label, too."),
        ("a,b,b,c,label\n1,2,3,4,x\n", 1, "The first line must name b only once."),
        ("a,b,label\n", 1, "no examples are listed"),
        ("label\nx\n", None, "no column of features"),
    ],
)
def test_a_wrong_table_is_named_by_its_line(
    tmp_path: Path, rows: str, line: int | None, words: str
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(rows)
    with pytest.raises(DataError) as caught:
        dataset(Classification(), Table(path=str(path)))
    place = "t.csv:" if line is None else f"t.csv:{line}:"
    assert place in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("task", "columns", "words"),
    [
        (Regression(targets=("angle",)), {"angle": ["1", "2", "x", "4"]}, ":4: angle is 'x'"),
        (Regression(targets=("angle",)), {"angle": ["1", "", "3", "4"]}, ":3: angle is empty"),
        (Regression(), {}, "The first line must name filepath,target"),
        (MultiLabel(), {"labels": ["", "", "", ""]}, "no example has a label"),
        (MultiLabel(), {"labels": ["a", "a ", "b", "b"]}, "look alike"),
        (Segmentation(), {"mask": ["no.png"] * 4}, "4 of 4 masks cannot be used"),
        (Segmentation(), {"mask": [str(SCENES / "test/images/0000.png")] * 4}, "is a colour"),
    ],
)
def test_wrong_targets_are_named(
    tmp_path: Path, task: Task, columns: dict[str, list[str]], words: str
) -> None:
    with pytest.raises(DataError) as caught:
        dataset(task, table(tmp_path, **columns))
    assert words in str(caught.value)


def test_a_class_that_training_did_not_have_is_refused(tmp_path: Path) -> None:
    values = np.array([[0, 3], [1, 0]], np.uint8)
    known = TargetSpec(names=("0", "1"))
    with pytest.raises(DataError, match="hold the class 3"):
        dataset(Segmentation(), masked(tmp_path, values), known=known)


def test_a_label_that_training_did_not_have_is_refused(tmp_path: Path) -> None:
    source = table(tmp_path, labels=["a", "b", "d", ""])
    with pytest.raises(DataError, match="'d' is unknown to the training set: a, b"):
        dataset(MultiLabel(), source, known=TargetSpec(names=("a", "b")))


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "heavy", "1e7", ""])
def test_a_wrong_weight_is_named(tmp_path: Path, weight: str) -> None:
    source, shown = (
        table(tmp_path, w=["1", weight, "1", "1"]),
        f"'{weight}'" if weight else "missing",
    )
    with pytest.raises(DataError, match=rf":3: the weight of .* is {shown}\. Allowed are numbers"):
        dataset(MultiLabel(), source, weight="w")


def test_a_folder_has_classes_only() -> None:
    with pytest.raises(DataError, match="'angle' is needed, too"):
        dataset(Regression(targets=("angle",)), Folder(path=str(SCENES)))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_value_that_is_no_number_is_named_by_its_place(tmp_path: Path, value: float) -> None:
    x = np.zeros((3, 4))
    x[1, 2] = value
    np.savez(tmp_path / "d.npz", x=x, y=np.array([0, 1, 0]))
    with pytest.raises(DataError, match=r"at \[1, 2\]"):
        dataset(Classification(), Npz(path=str(tmp_path / "d.npz")))
