"""A folder that holds the splits instead of the classes."""

from pathlib import Path

import pytest

from mlptrain.data.sources.folder import Folder
from mlptrain.errors import DataError


def make(root: Path, *names: str) -> Folder:
    for name in names:
        (root / name).mkdir(parents=True)
        (root / name / "0.png").touch()
    return Folder(path=str(root))


@pytest.mark.parametrize(
    ("names", "keys"),
    [
        (("train", "test"), ("train", "test")),
        (("Train", "Validation", "Test"), ("train", "validation", "test")),
        (("training_set", "test_set"), ("train", "test")),
        (("train", "val"), ("train", "validation")),
        (("seg_train", "valid"), ("train", "validation")),
    ],
)
def test_splits_are_no_classes(tmp_path: Path, names: tuple[str, ...], keys: list[str]) -> None:
    source = make(tmp_path, *(f"{name}/{label}" for name in names for label in ("cat", "dog")))
    with pytest.raises(DataError) as caught:
        source.content()
    first, second, *lines = str(caught.value).splitlines()
    assert first.startswith(f"{tmp_path}: its folders '")
    assert "are splits, not classes: each holds the folders 'cat', 'dog'." in first
    assert second == "  data:"
    assert set(lines) == {
        f"    {key}: {tmp_path}/{name}" for key, name in zip(keys, names, strict=True)
    }


@pytest.mark.parametrize(
    "names",
    [
        ("train", "bus"),  # to go by
        ("train/old", "test/new"),
        ("train/day", "bus/day"),
        ("cat/train", "dog/train"),
        ("cat/train/a", "cat/training_set/b", "dog/train"),
        ("cat", "rails/train", "rails/test-track", "rails/tram"),
    ],
)
def test_classes_may_be_called_like_a_split(tmp_path: Path, names: tuple[str, ...]) -> None:
    content = make(tmp_path, *names).content()
    assert content.labels == tuple(sorted(name.partition("/")[0] for name in names))


@pytest.mark.parametrize(
    "names",
    [
        ("cat/train", "cat/test", "dog/train", "dog/test"),
        ("cat/train/young", "cat/test/old", "dog/train"),
        ("bird", "cat/Test_set", "cat/training", "dog/all"),
        ("cat/train", "cat/test", "cat/rest", "dog/train", "dog/test", "dog/rest"),
    ],
)
def test_classes_that_hold_splits_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    source = make(tmp_path, *names)
    first, second = sorted(
        "/".join(each.split("/")[:2]) for each in names if "cat/t" in each.lower()
    )
    moved = " and ".join("/".join(each.split("/")[::-1]) for each in (first, second))
    with pytest.raises(DataError) as caught:
        source.content()
    assert str(caught.value) == (
        f"{tmp_path}: its class folders hold splits: {first} and {second}. "
        "Expected is one folder per split, with one folder per class inside. "
        f"Make these {moved}, those of the other classes likewise, and name each split by itself, "
        "as data.train, data.validation and data.test."
    )
