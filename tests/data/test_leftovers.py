"""What machines leave in folders is neither a class nor an image, and the user is told of it."""

from pathlib import Path

import pytest
from pictures import encoded, gradient

from mlptrain.data.images.settings import ImageSettings
from mlptrain.data.read_dataset import read
from mlptrain.data.sources.folder import Folder
from mlptrain.data.sources.leftovers import ignored_note, is_left_behind
from mlptrain.data.sources.listing import images_below
from mlptrain.tasks.class_labels import ClassLabels

FOLDERS = ("@eaDir", "__MACOSX", "lost+found", "#recycle", "$RECYCLE.BIN", "@Recycle")
FOLDERS += ("System Volume Information",)
FILES = ("Thumbs.db", "THUMBS.DB", "ehthumbs.db", "desktop.ini", "Icon\r")
PICTURES = [encoded(gradient(4, width), "PNG") for width in (5, 6)]


def make(root: Path) -> None:
    """Two classes of one image each, and every leftover beside and in the first."""
    for place in (root, root / "a"):
        for name in FOLDERS:
            (place / name / "deep").mkdir(parents=True)
            (place / name / "deep/thumb.jpg").write_bytes(b"x")
        for name in FILES:
            (place / name).write_bytes(b"x")
    (root / "b").mkdir()
    for name, picture in zip(("a/1.png", "b/1.png"), PICTURES, strict=True):
        (root / name).write_bytes(picture)


def test_in_classes_and_beside_them_they_are_ignored_and_counted(tmp_path: Path) -> None:
    make(tmp_path)
    content = Folder(path=str(tmp_path)).content()
    assert content.names == ("a/1.png", "b/1.png")
    assert sorted(content.ignored) == sorted(2 * (FOLDERS + FILES))
    settings = ImageSettings(height=4, width=5)
    dataset, _ = read(Folder(path=str(tmp_path)), settings, ClassLabels())
    assert dataset.notes == (
        f"{tmp_path}: ignored 24 entries left by the system: "
        "#recycle, $RECYCLE.BIN, @Recycle, @eaDir, Icon\\r and 7 more names",
    )


def test_a_folder_that_was_locked_away_is_not_looked_into(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / "lost+found").chmod(0)
    assert len(Folder(path=str(tmp_path)).content().names) == 2


def test_images_to_predict_are_listed_by_the_same_rule(tmp_path: Path) -> None:
    make(tmp_path)
    ignored: list[str] = []
    assert images_below(str(tmp_path), ignored) == [f"{tmp_path}/a/1.png", f"{tmp_path}/b/1.png"]
    assert len(ignored) == 24


def test_one_entry_is_one() -> None:
    assert ignored_note("d", ["@eaDir"]) == "d: ignored 1 entry left by the system: @eaDir"


@pytest.mark.parametrize("name", ["thumbs", "eaDir", "recycle", "lost", "icon", "macosx", "a"])
def test_a_class_of_a_similar_name_is_a_class(name: str) -> None:
    assert not is_left_behind(name)
